import { ok, type Result } from '@sidegate/crds';
import type { KubectlFault } from '../kubectl.ts';
import { type AskedCluster, judge, type Read, read, readAll, readOne } from './asked-cluster.ts';
import type { ApiResources, ClusterNode, Named, Versions } from './cluster-objects.ts';
import { type Finding, failed, fine } from './finding.ts';
import { judgeLeftovers } from './judge-leftovers.ts';
import { DEFINITIONS } from './judge-operator.ts';
import {
  judgeInjectionWay,
  judgeNodes,
  judgeRights,
  judgeVersion,
  type NeededRight,
  neededRights,
  servesMutatingPolicies,
} from './judge-server.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const CLUSTER_WIDE = [
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
] as const;
const OF_MUTATING_POLICIES = ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'] as const;

/** Whether there is a kubectl and an API server, and which. Without them nothing else can be asked. */
export async function checkReach(cluster: AskedCluster): Promise<{
  readonly reached: boolean;
  readonly findings: readonly Finding[];
}> {
  const versions = await read<Versions>(cluster, 'version', '--output=json');
  if (!versions.ok) {
    const { code, message } = versions.fault;
    const finding =
      code === 'NoKubectl'
        ? failed('kubectl', 'there is no such program', 'install it')
        : failed('API server', message, 'look at --kubeconfig and --context');
    return { reached: false, findings: [finding] };
  }
  if (versions.value.serverVersion === undefined) {
    const finding = failed('API server', 'kubectl does not reach it', 'look at --kubeconfig and --context');
    return { reached: false, findings: [finding] };
  }
  return { reached: true, findings: [fine('kubectl reaches the API server'), judgeVersion(versions.value)] };
}

/** What admission the API server offers. */
export function readAdmission(cluster: AskedCluster): Read<ApiResources> {
  return read<ApiResources>(cluster, 'get', '--raw', ADMISSION);
}

/** What must hold before the chart is installed. */
export async function checkBefore(cluster: AskedCluster): Promise<readonly Finding[]> {
  const served = await readAdmission(cluster);
  const byPolicy = served.ok && servesMutatingPolicies(served.value);
  const nodes = await readAll<ClusterNode>(cluster, 'nodes');
  return [
    ...judge('admission of the API server', served, judgeInjectionWay),
    ...judge('native sidecars', nodes, judgeNodes),
    ...judge('the rights to install the chart', await missingRights(cluster, byPolicy), judgeRights),
    ...(await checkLeftovers(cluster, byPolicy)),
  ];
}

async function missingRights(
  { mayCaller, flags, namespace, signal }: AskedCluster,
  byPolicy: boolean,
): Promise<Result<readonly NeededRight[], KubectlFault>> {
  const missing: NeededRight[] = [];
  for (const right of neededRights(byPolicy)) {
    const place = right.namespaced ? [`--namespace=${namespace}`] : [];
    const may = await mayCaller([right.verb, right.resource, ...place, ...flags], signal);
    if (!may.ok) return may;
    if (!may.value) missing.push(right);
  }
  return ok(missing);
}

async function checkLeftovers(cluster: AskedCluster, byPolicy: boolean): Promise<readonly Finding[]> {
  const what = 'leftovers';
  const operators = await readAll<Named>(
    cluster,
    'deployments.apps',
    '--all-namespaces',
    '--field-selector=metadata.name=sidegate-operator',
  );
  if (!operators.ok) return judge(what, operators, () => []);
  const definitions: Named[] = [];
  for (const name of DEFINITIONS) {
    const found = await readOne<Named>(cluster, 'customresourcedefinitions.apiextensions.k8s.io', name);
    if (!found.ok) return judge(what, found, () => []);
    if (found.value !== undefined) definitions.push(found.value);
  }
  const objects: Record<string, readonly Named[]> = {};
  for (const plural of [...CLUSTER_WIDE, ...(byPolicy ? OF_MUTATING_POLICIES : [])]) {
    const found = await readAll<Named>(cluster, `${plural}.admissionregistration.k8s.io`);
    if (!found.ok) return judge(what, found, () => []);
    objects[plural] = found.value;
  }
  return judgeLeftovers({ namespace: cluster.namespace, operators: operators.value, objects, definitions });
}
