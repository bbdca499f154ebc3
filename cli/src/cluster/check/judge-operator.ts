import { API_VERSION } from '@sidegate/crds';
import type { ClusterPod, Definition, Workload } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';
import { listed } from './judge-server.ts';

/** Our resource definitions. */
export const DEFINITIONS: readonly string[] = ['targets', 'agentaccesses', 'policies', 'approvalrequests'].map(
  (plural) => `${plural}.sidegate.dev`,
);

const VERSION = API_VERSION.split('/')[1] ?? '';
/** The label of the replica that leads: the Service of the control stream selects it. */
const LEADER_LABEL = 'sidegate.dev/leader';
const INSTALL = 'install the chart again (crds.enabled)';

/** Whether the API server serves one of our kinds in the version that the programs speak. */
export function judgeDefinition(name: string, definition: Definition | undefined): Finding {
  const what = `definition ${name}`;
  if (definition === undefined) return failed(what, 'it is missing', INSTALL);
  const version = definition.spec?.versions?.find((one) => one.name === VERSION);
  if (version?.served !== true || !version.storage) {
    const there = listed((definition.spec?.versions ?? []).map((one) => one.name));
    return failed(what, `it does not serve and store ${VERSION} (it has: ${there})`, INSTALL);
  }
  const established = definition.status?.conditions?.find(({ type }) => type === 'Established');
  if (established?.status === 'True') return fine(what);
  const accepted = definition.status?.conditions?.find(
    ({ type, status }) => type === 'NamesAccepted' && status !== 'True',
  );
  const why = accepted?.message ?? established?.message ?? 'the API server has not taken it up yet';
  return failed(what, `it is not established: ${why}`, 'wait a moment; if it stays so, delete what has its name');
}

/** Whether all replicas of a Deployment or a StatefulSet are ready, in its present form. */
export function judgeWorkload(what: string, workload: Workload | undefined, namespace: string): Finding {
  if (workload === undefined)
    return failed(what, `it is not in the namespace ${namespace}`, 'install the chart, or name its namespace with -n');
  const wanted = workload.spec?.replicas ?? 1;
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0, observedGeneration = 0 } = workload.status ?? {};
  const mend = `kubectl -n ${namespace} describe ${workload.metadata.name.endsWith('-store') ? 'sts' : 'deployment'}/${workload.metadata.name}`;
  if (wanted === 0) return failed(what, 'it is scaled to 0', 'scale it up');
  if (ready === 0) return failed(what, `none of ${wanted} replicas is ready`, mend);
  if (ready < wanted) return warned(what, `${ready} of ${wanted} replicas are ready`, mend);
  if (observedGeneration < (workload.metadata.generation ?? 0) || updated < wanted)
    return warned(what, `${updated} of ${wanted} replicas are of its present form`, 'wait for the end of the upgrade');
  return fine(`${what} (${ready} ready)`);
}

/** Whether exactly one replica of the operator is marked as the one that gates speak with. */
export function judgeLeader(pods: readonly ClusterPod[], namespace: string): Finding {
  const what = 'leader of the operator';
  const look = `kubectl -n ${namespace} logs deployment/sidegate-operator`;
  const marked = pods.filter(
    ({ metadata }) => metadata.labels?.[LEADER_LABEL] === 'true' && metadata.deletionTimestamp === undefined,
  );
  const [leader] = marked;
  if (leader === undefined) return failed(what, 'no replica is marked, so gates find no operator', look);
  if (marked.length > 1) {
    const names = listed(marked.map(({ metadata }) => metadata.name));
    return failed(what, `${names} are all marked`, 'delete those pods that do not lead (Lease sidegate-operator)');
  }
  const ready = leader.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True'
    ? fine(`${what} is ${leader.metadata.name}`)
    : failed(what, `${leader.metadata.name} is marked, but not ready`, look);
}

/** Whether the store is ready, or is one outside of this installation. `url` is what gates are told. */
export function judgeStore(store: Workload | undefined, url: string | undefined, namespace: string): Finding {
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
  const inside = host === undefined || host.startsWith(`sidegate-store.${namespace}.svc`);
  return !inside && store === undefined
    ? fine(`store: another one, ${host} (not looked at)`)
    : judgeWorkload('store', store, namespace);
}
