import type { Snapshot } from '@sidegate/crds';
import { compileRules, type PolicyFault } from '@sidegate/policy';

/** What keeps a snapshot's policies from being compiled; for `readFolder`, as the gate itself would find it. */
export function snapshotFaults(snapshot: Snapshot): readonly PolicyFault[] {
  const { resources, operatorNamespace, maskKey, version, namespaceLabels = {} } = snapshot;
  const rules = compileRules({ ...resources, operatorNamespace, maskKey, version, namespaceLabels });
  return rules.ok ? [] : rules.fault;
}
