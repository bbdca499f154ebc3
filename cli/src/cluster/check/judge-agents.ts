import type { ClusterPod, Judged } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';
import { listed } from './judge-server.ts';

/** The gate's container. */
const GATE_CONTAINER = 'sidegate';
const OVER: readonly string[] = ['Succeeded', 'Failed'];

/** Whether every pod of a labelled namespace has a gate, and every gate runs. */
export function judgeNamespace(namespace: string, pods: readonly ClusterPod[]): readonly Finding[] {
  const running = pods.filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && !OVER.includes(status?.phase ?? ''),
  );
  const bare = running.filter((pod) => !hasGate(pod)).map(({ metadata }) => metadata.name);
  const stuck = running.filter((pod) => hasGate(pod) && !gateRuns(pod)).map(({ metadata }) => metadata.name);
  const what = `namespace ${namespace}`;
  const found: Finding[] = [];
  if (bare.length > 0)
    found.push(
      warned(what, `${bare.length} of ${running.length} pods have no gate: ${listed(bare)}`, 'make them again'),
    );
  if (stuck.length > 0) {
    const mend = `kubectl -n ${namespace} logs ${stuck[0] ?? 'POD'} -c ${GATE_CONTAINER}`;
    found.push(warned(what, `the gate of ${listed(stuck)} has not started`, mend));
  }
  return found.length > 0 ? found : [fine(`${what} (${running.length} pods with a gate)`)];
}

function hasGate({ spec }: ClusterPod): boolean {
  const gate = spec?.initContainers?.find(({ name }) => name === GATE_CONTAINER);
  return gate?.restartPolicy === 'Always';
}

function gateRuns({ status }: ClusterPod): boolean {
  return status?.initContainerStatuses?.find(({ name }) => name === GATE_CONTAINER)?.started === true;
}

/** Whether a Target, an AgentAccess or a Policy is Ready, and the operator has seen it as it is. */
export function judgeResource(kind: string, { metadata, status }: Judged): Finding {
  const what = `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return failed(what, 'the operator has not judged it', 'read the log of the operator');
  const seen = ready.observedGeneration ?? status?.observedGeneration ?? 0;
  if (seen < (metadata.generation ?? 0))
    return warned(
      what,
      'the operator has not judged its last change',
      'wait a moment, or read the log of the operator',
    );
  if (ready.status === 'True') return fine(what);
  const why = (ready.message ?? ready.reason ?? 'it is not Ready').replace(/\.$/u, '');
  const mend = `kubectl -n ${metadata.namespace ?? 'default'} describe ${kind.toLowerCase()}.sidegate.dev ${metadata.name}`;
  if (ready.reason === 'Suspended') return warned(what, why, 'take spec.suspend away when it may work again');
  return ready.status === 'Unknown' ? warned(what, why, mend) : failed(what, why, mend);
}
