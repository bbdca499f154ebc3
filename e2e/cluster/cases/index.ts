import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { ClusterCase } from '../case.ts';
import { ABSENCE_CASES } from './absence.ts';
import { APPROVAL_CASES } from './approvals.ts';
import { BASIC_CASES } from './basics.ts';
import { BYPASS_CASES, SLOW_BYPASS_CASES } from './bypass.ts';
import { CHECK_CASES, PRE_CHECK_CASES } from './checks.ts';
import { BROKEN_EGRESS_CASES, EGRESS_CASES } from './egress.ts';
import { FAULT_CASES } from './faults.ts';
import { LANE_CASES } from './lanes.ts';
import { MANIFEST_CASES } from './manifests.ts';
import { MODE_CASES } from './modes.ts';
import { NODE_FAULT_CASES } from './node-faults.ts';
import { ROLLBACK_CASES } from './rollback.ts';
import { ROTATION_CASES } from './rotation.ts';
import { START_TIME_CASES } from './start-times.ts';
import { UNINSTALL_CASES } from './uninstall.ts';
import { UPGRADE_CASES } from './upgrade.ts';

/** Those that break something on purpose, or take long. */
const DISTURBING_CASES: readonly ClusterCase[] = [
  ...BROKEN_EGRESS_CASES,
  ...FAULT_CASES,
  ...ABSENCE_CASES,
  ...ROTATION_CASES,
  ...NODE_FAULT_CASES,
  ...START_TIME_CASES,
  ...MODE_CASES,
  ...UPGRADE_CASES,
  ...ROLLBACK_CASES,
];

/** In the order in which they run. */
export const CASES: readonly ClusterCase[] = [
  ...PRE_CHECK_CASES,
  ...BASIC_CASES,
  ...APPROVAL_CASES,
  ...LANE_CASES,
  ...MANIFEST_CASES,
  ...CHECK_CASES,
  ...BYPASS_CASES,
  ...EGRESS_CASES,
  ...DISTURBING_CASES,
  ...UNINSTALL_CASES,
];

/** They are run by hand. */
const BY_HAND: ReadonlySet<ClusterCase> = new Set([...SLOW_BYPASS_CASES, ...DISTURBING_CASES]);

/** The names of all others: they run with every change. */
export const CI_CASES: readonly string[] = CASES.filter((one) => !BY_HAND.has(one)).map(({ name }) => name);

/** All cases, or those named (by name or group) with all that they need, in order. */
export function casesFor(names: readonly string[]): Result<readonly ClusterCase[], Fault<'NoSuchCase'>> {
  if (names.length === 0) return ok(CASES);
  const wanted = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const found = CASES.filter((one) => one.name === name || one.group === name);
    if (found.length === 0)
      return fail({ code: 'NoSuchCase', message: `there is no case ${name}; --list prints their names` });
    for (const one of found) {
      wanted.add(one.name);
      open.push(...(one.needs ?? []));
    }
  }
  return ok(CASES.filter(({ name }) => wanted.has(name)));
}
