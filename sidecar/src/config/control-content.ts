import { type Fault, fail, ok, type Result, SNAPSHOT_BYTES_MAX } from '@sidegate/crds';
import type { ControlContent, KeptConfiguration } from './control-state.ts';

export type ContentFault = Fault<'BadSnapshot'>;

/** Reads a snapshot that the operator sent under a version. What the rules in it mean is for the compiler. */
export function readContent(bytes: Uint8Array, version: string): Result<ControlContent, ContentFault> {
  if (bytes.length > SNAPSHOT_BYTES_MAX) return bad(`The snapshot has ${bytes.length} bytes.`);
  const value = parse(bytes);
  if (!isContent(value)) return bad('The snapshot lacks what every snapshot has.');
  if (value.version !== version) return bad(`The snapshot says that it is ${value.version}.`);
  return ok(value);
}

/** Reads what a gate kept for itself; undefined when it is not whole. */
export function readKept(
  bytes: Uint8Array,
): { readonly kept: KeptConfiguration; readonly heardMs: number } | undefined {
  const value = parse(bytes);
  if (!isRecord(value) || !isRecord(value['kept']) || typeof value['heardMs'] !== 'number') return undefined;
  const { content, workload, terms } = value['kept'];
  if (!isContent(content) || !isRecord(workload) || !isRecord(terms)) return undefined;
  if (typeof terms['staleAfterMs'] !== 'number' || typeof terms['failClosedAfterMs'] !== 'number') return undefined;
  return { kept: value['kept'] as unknown as KeptConfiguration, heardMs: value['heardMs'] };
}

function bad(message: string): Result<ControlContent, ContentFault> {
  return fail({ code: 'BadSnapshot', message, mend: 'Gate and operator may be of versions that do not go together.' });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isContent(value: unknown): value is ControlContent {
  if (!isRecord(value) || !isRecord(value['resources'])) return false;
  const { version, operatorNamespace, maskKey, issuers, secrets, doors, resources } = value;
  const texts = [version, operatorNamespace, maskKey].every((one) => typeof one === 'string');
  const lists = [issuers, secrets, doors, resources['targets'], resources['accesses'], resources['policies']];
  return texts && lists.every((list) => Array.isArray(list) && list.every(isRecord));
}
