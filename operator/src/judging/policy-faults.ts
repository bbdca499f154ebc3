import type { Fault, Policy } from '@sidegate/crds';
import { compileRules } from '@sidegate/policy';

/** Compiling needs a key; what is compiled here masks nothing. */
const NO_KEY = '00'.repeat(32);

/** What the compiler says of a Policy by itself: each fault with its field and the mend. */
export function policyFaults(policy: Policy, operatorNamespace: string): readonly Fault[] {
  const compiled = compileRules({
    targets: [],
    accesses: [],
    policies: [policy],
    operatorNamespace,
    maskKey: NO_KEY,
    version: '',
  });
  return compiled.ok ? [] : compiled.fault;
}
