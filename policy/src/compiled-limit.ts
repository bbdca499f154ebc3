import { type PolicyLimit, parseQuantity } from '@sidegate/crds';
import { requireApprovers } from './approval/terms.ts';
import type { LimitRule } from './budget/limit-rule.ts';
import { type FaultList, fieldOf, type ResourcePlace } from './policy-fault.ts';
import type { ObjectName } from './session-rules.ts';

/** Longest window, in seconds: 31 days. */
export const WINDOW_SECONDS_MAX = 31 * 24 * 3600;

/** Reads a limit's amounts into numbers; what is wrong with it is added to `faults`. */
export function compileLimit(
  limit: PolicyLimit,
  policy: ObjectName,
  place: ResourcePlace,
  faults: FaultList,
): LimitRule {
  requireApprovers(limit.action, limit.approval, place, faults);
  const quantity = limit.bytes === undefined ? undefined : parseQuantity(limit.bytes);
  if (quantity?.ok === false) {
    const { message, mend = '' } = quantity.fault;
    faults.add(fieldOf(place, `${place.field}.bytes`), 'InvalidQuantity', message, mend);
  }
  const bytes = quantity?.ok ? quantity.value : undefined;
  for (const field of ['rows', 'commands'] as const) {
    const amount = limit[field];
    if (amount === undefined || (Number.isSafeInteger(amount) && amount >= 0)) continue;
    faults.add(
      fieldOf(place, `${place.field}.${field}`),
      'InvalidQuantity',
      `${amount} is no count.`,
      'Write a whole number.',
    );
  }
  if (!Number.isSafeInteger(limit.perSeconds) || limit.perSeconds < 1 || limit.perSeconds > WINDOW_SECONDS_MAX) {
    faults.add(
      fieldOf(place, `${place.field}.perSeconds`),
      'OutOfBounds',
      `perSeconds is a whole number from 1 to ${WINDOW_SECONDS_MAX}.`,
      'Correct it.',
    );
  }
  if (limit.rows === undefined && limit.bytes === undefined && limit.commands === undefined) {
    faults.add(place, 'InvalidQuantity', 'The limit limits nothing.', 'Set rows, bytes or commands.');
  }
  return {
    by: { policy, rule: limit.name },
    name: limit.name,
    ...(limit.rows === undefined ? {} : { rows: limit.rows }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(limit.commands === undefined ? {} : { commands: limit.commands }),
    perSeconds: limit.perSeconds,
    action: limit.action,
    ...(limit.approval === undefined ? {} : { approval: limit.approval }),
  };
}
