import type { ClusterPod, Judged, Metadata } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';
import { listed } from './judge-server.ts';

/** The gate's container. */
const GATE_CONTAINER = 'sidegate';
/** What closes the pod's network, where egress is locked. */
const LOCK_CONTAINER = 'sidegate-lock';
/** The label by which a namespace says what pods it takes, and its values that refuse the lock's capability (NET_ADMIN). */
const POD_SECURITY = 'pod-security.kubernetes.io/enforce';
const REFUSING: readonly string[] = ['baseline', 'restricted'];
const OVER: readonly string[] = ['Succeeded', 'Failed'];

/** Whether every pod of a labelled namespace has a gate, every gate runs, and, where egress is `locked`, every pod is or can be. */
export function judgeNamespace(
  { name: namespace, labels = {} }: Metadata,
  pods: readonly ClusterPod[],
  locked: boolean,
): readonly Finding[] {
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
    const [first] = running.filter((pod) => hasGate(pod) && !gateRuns(pod));
    const container = first !== undefined && lockFails(first) ? LOCK_CONTAINER : GATE_CONTAINER;
    const mend = `kubectl -n ${namespace} logs ${stuck[0] ?? 'POD'} -c ${container}`;
    found.push(warned(what, `the gate of ${listed(stuck)} has not started`, mend));
  }
  if (locked) found.push(...judgeLocks(what, namespace, labels[POD_SECURITY] ?? '', running));
  return found.length > 0 ? found : [fine(`${what} (${running.length} pods with a gate)`)];
}

function judgeLocks(
  what: string,
  namespace: string,
  level: string,
  running: readonly ClusterPod[],
): readonly Finding[] {
  const found: Finding[] = [];
  if (REFUSING.includes(level)) {
    const why = `it enforces the Pod Security level ${level}, which refuses the container ${LOCK_CONTAINER} (NET_ADMIN): no pod can be made`;
    found.push(
      failed(what, why, `kubectl label namespace ${namespace} --overwrite ${POD_SECURITY}=privileged, or egress: Open`),
    );
  }
  const open = running.filter((pod) => hasGate(pod) && !hasLock(pod)).map(({ metadata }) => metadata.name);
  if (open.length > 0)
    found.push(
      warned(what, `egress is open in ${open.length} of ${running.length} pods: ${listed(open)}`, 'make them again'),
    );
  return found;
}

function hasLock({ spec }: ClusterPod): boolean {
  return spec?.initContainers?.[0]?.name === LOCK_CONTAINER;
}

/** A pod whose lock is there and has not ended well. */
function lockFails(pod: ClusterPod): boolean {
  const lock = pod.status?.initContainerStatuses?.find(({ name }) => name === LOCK_CONTAINER);
  return hasLock(pod) && lock?.state?.terminated?.exitCode !== 0;
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
