import { ok, type Result } from '@sidegate/crds';
import type { Kubectl, KubectlFault, MayCaller } from '../kubectl.ts';
import { type Finding, unread } from './finding.ts';

/** The cluster that is checked, as kubectl shows it. */
export interface AskedCluster {
  readonly kubectl: Kubectl;
  readonly mayCaller: MayCaller;
  /** Flags for every call: `--context=prod`. */
  readonly flags: readonly string[];
  /** The namespace of the operator. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly nowMs: number;
}

export type Read<T> = Promise<Result<T, KubectlFault>>;

/** One JSON answer of kubectl. The API server's schema vouches for its form. */
export async function read<T>({ kubectl, flags, signal }: AskedCluster, ...parameters: readonly string[]): Read<T> {
  const answer = await kubectl([...parameters, ...flags], signal);
  return answer.ok ? ok(answer.value as T) : answer;
}

/** All objects of a kind. `where` are flags of `kubectl get`. */
export async function readAll<T>(cluster: AskedCluster, kind: string, ...where: readonly string[]): Read<readonly T[]> {
  const answer = await read<{ readonly items?: readonly T[] }>(cluster, 'get', kind, ...where, '--output=json');
  return answer.ok ? ok(answer.value.items ?? []) : answer;
}

/** One object by its name; undefined when there is none. A list is asked for, since a missing object would be an error. */
export async function readOne<T>(
  cluster: AskedCluster,
  kind: string,
  name: string,
  ...where: readonly string[]
): Read<T | undefined> {
  const found = await readAll<T>(cluster, kind, `--field-selector=metadata.name=${name}`, ...where);
  return found.ok ? ok(found.value[0]) : found;
}

/** Judges what was read; what could not be read counts as failed. */
export function judge<T>(
  what: string,
  answer: Result<T, KubectlFault>,
  judging: (value: T) => Finding | readonly Finding[],
): readonly Finding[] {
  return answer.ok ? [judging(answer.value)].flat() : [unread(what, answer.fault.message)];
}
