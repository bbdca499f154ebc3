import {
  type AgentAccess,
  type Fault,
  fail,
  ok,
  type Result,
  type Snapshot,
  suggest,
  type Target,
} from '@sidegate/crds';
import { nameOf } from '../object-name.ts';

/** The Target and AgentAccess that a question is about. */
export interface ExplainedDoor {
  readonly target: Target;
  readonly access: AgentAccess;
}

type DoorFault = Fault<'MissingTarget' | 'MissingAccess'>;

type Named = Parameters<typeof nameOf>[0];

/** Finds what `--target` and `--access` name; what is left out may be so only where there is one. */
export function findDoor(
  { resources }: Snapshot,
  target: string | undefined,
  access: string | undefined,
): Result<ExplainedDoor, DoorFault> {
  const foundTarget = pick(resources.targets, target);
  if (foundTarget === undefined) return missing('MissingTarget', 'Target', '--target', target, resources.targets);
  const foundAccess = pick(resources.accesses, access);
  if (foundAccess === undefined) {
    return missing('MissingAccess', 'AgentAccess', '--access', access, resources.accesses);
  }
  return ok({ target: foundTarget, access: foundAccess });
}

function pick<T extends Named>(all: readonly T[], wanted: string | undefined): T | undefined {
  if (wanted === undefined) return all.length === 1 ? all[0] : undefined;
  return all.find((one) => nameOf(one) === wanted);
}

function missing(
  code: DoorFault['code'],
  kind: string,
  option: string,
  wanted: string | undefined,
  all: readonly Named[],
): Result<never, DoorFault> {
  const names = all.map(nameOf);
  const known = `Known here: ${names.join(', ') || 'none'}.`;
  if (wanted === undefined) {
    return fail({ code, message: `It is not said which ${kind} is meant.`, where: option, mend: known });
  }
  const near = suggest(wanted, names);
  const mend = near === undefined ? known : `Did you mean ${near}?`;
  return fail({ code, message: `There is no ${kind} ${wanted}.`, where: option, mend });
}
