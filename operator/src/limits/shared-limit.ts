import { parseQuantity } from '@sidegate/crds';
import type { StoredPolicy } from '../stored-resource.ts';
import type { SharedLimit } from './limit-desk.ts';

/** A limit of a Policy as numbers; undefined when there is none of that name that can be read. */
export function limitIn(policy: StoredPolicy | undefined, name: string): SharedLimit | undefined {
  if (policy?.resource.ok !== true) return undefined;
  const limit = policy.resource.value.spec.limits?.find((one) => one.name === name);
  if (limit === undefined) return undefined;
  const { rows, commands, perSeconds } = limit;
  const bytes = limit.bytes === undefined ? undefined : parseQuantity(limit.bytes);
  if (bytes?.ok === false) return undefined;
  return {
    perSeconds,
    ...(rows === undefined ? {} : { rows }),
    ...(commands === undefined ? {} : { commands }),
    ...(bytes === undefined ? {} : { bytes: bytes.value }),
  };
}
