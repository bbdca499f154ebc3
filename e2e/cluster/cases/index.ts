import type { ClusterCase } from '../case.ts';
import { APPROVAL_CASES } from './approvals.ts';
import { BASIC_CASES } from './basics.ts';
import { FAULT_CASES } from './faults.ts';
import { NODE_FAULT_CASES } from './node-faults.ts';
import { UNINSTALL_CASES } from './uninstall.ts';

/** In the order in which they run. */
const CASES: readonly ClusterCase[] = [
  ...BASIC_CASES,
  ...APPROVAL_CASES,
  ...FAULT_CASES,
  ...NODE_FAULT_CASES,
  ...UNINSTALL_CASES,
];

/** Those that run with every change: they break nothing on purpose. */
export const CI_CASES: readonly string[] = [...BASIC_CASES, ...APPROVAL_CASES, ...UNINSTALL_CASES].map(
  ({ name }) => name,
);

/** All cases, or those named with all that they need, in order. Throws on a name that there is not. */
export function casesFor(names: readonly string[]): readonly ClusterCase[] {
  if (names.length === 0) return CASES;
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const found = CASES.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no case ${name}; --list prints their names`);
    wanted.add(name);
    for (const need of found.needs ?? []) add(need);
  };
  for (const name of names) add(name);
  return CASES.filter(({ name }) => wanted.has(name));
}
