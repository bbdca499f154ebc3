import type { ApiResources, ClusterNode, Versions } from './cluster-objects.ts';
import { type Finding, failed, fine, warned } from './finding.ts';

/** The chart takes this minor version of Kubernetes 1 or later (Chart.yaml, kubeVersion). */
export const SERVER_MINOR_MIN = 33;
/** From this minor version a kubelet runs native sidecars unless it is told not to; from SERVER_MINOR_MIN always. */
const SIDECAR_MINOR_MIN = 29;

/** Whether the API server is one that the chart takes. */
export function judgeVersion({ serverVersion }: Versions): Finding {
  const what = `Kubernetes ${serverVersion?.gitVersion ?? 'of an unknown version'}`;
  const minor = minorOf(`${serverVersion?.major}.${serverVersion?.minor}`);
  return minor !== undefined && minor >= SERVER_MINOR_MIN
    ? fine(what)
    : failed(what, `the chart needs 1.${SERVER_MINOR_MIN} or later`, 'upgrade the control plane');
}

/** How pods will get their gate. */
export function judgeInjectionWay(served: ApiResources): readonly Finding[] {
  const validating = serves(served, 'validatingadmissionpolicies')
    ? fine('ValidatingAdmissionPolicy v1 is offered')
    : failed(
        'ValidatingAdmissionPolicy v1',
        'the API server does not offer it',
        'take it out of --runtime-config of the API server',
      );
  const mutating = servesMutatingPolicies(served)
    ? fine('MutatingAdmissionPolicy v1 is offered: pods get their gate from the API server alone')
    : warned(
        'MutatingAdmissionPolicy v1',
        'it is not offered, so a webhook of the operator gives pods their gate, and none can be made while no operator answers',
        'upgrade to Kubernetes 1.36, or keep two replicas of the operator',
      );
  return [validating, mutating];
}

/** Whether MutatingAdmissionPolicy v1 is there. */
export function servesMutatingPolicies(served: ApiResources): boolean {
  return serves(served, 'mutatingadmissionpolicies');
}

function serves({ resources = [] }: ApiResources, plural: string): boolean {
  return resources.some(({ name }) => name === plural);
}

/** Whether every node runs the gate before the containers of an agent, and beside them. */
export function judgeNodes(nodes: readonly ClusterNode[]): Finding {
  const what = `native sidecars on ${nodes.length} nodes`;
  if (nodes.length === 0) return warned(what, 'there is no node', 'add one');
  const linux = nodes.filter(({ status }) => status?.nodeInfo?.operatingSystem !== 'windows');
  const below = (least: number): readonly string[] =>
    linux
      .filter(({ status }) => (minorOf(status?.nodeInfo?.kubeletVersion) ?? 0) < least)
      .map(({ metadata }) => metadata.name);
  const without = below(SIDECAR_MINOR_MIN);
  if (without.length > 0) {
    const why = `the kubelet of ${listed(without)} is older than 1.${SIDECAR_MINOR_MIN} or of an unknown version`;
    return failed(what, why, 'upgrade it');
  }
  const beta = below(SERVER_MINOR_MIN);
  if (beta.length === 0) return fine(what);
  const why = `the kubelet of ${listed(beta)} is older than 1.${SERVER_MINOR_MIN}, where SidecarContainers can be switched off`;
  return warned(what, why, 'upgrade it, or see that the feature gate is on');
}

/** One right that the installation needs. */
export interface NeededRight {
  readonly verb: string;
  /** Plural and group: `deployments.apps`. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/** What whoever installs the chart must be able to make. */
export function neededRights(byPolicy: boolean): readonly NeededRight[] {
  const admission = byPolicy
    ? ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings']
    : ['mutatingwebhookconfigurations'];
  const inCluster = [
    'customresourcedefinitions.apiextensions.k8s.io',
    'clusterroles.rbac.authorization.k8s.io',
    'clusterrolebindings.rbac.authorization.k8s.io',
    ...[
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'validatingwebhookconfigurations',
      ...admission,
    ].map((plural) => `${plural}.admissionregistration.k8s.io`),
  ];
  const inNamespace = [
    'deployments.apps',
    'statefulsets.apps',
    'services',
    'serviceaccounts',
    'configmaps',
    'secrets',
    'roles.rbac.authorization.k8s.io',
    'rolebindings.rbac.authorization.k8s.io',
    'networkpolicies.networking.k8s.io',
    'poddisruptionbudgets.policy',
  ];
  return [
    ...inCluster.map((resource) => ({ verb: 'create', resource, namespaced: false })),
    ...inNamespace.map((resource) => ({ verb: 'create', resource, namespaced: true })),
  ];
}

/** Whether somebody may do all that; `missing` are the rights that were refused. */
export function judgeRights(missing: readonly NeededRight[]): Finding {
  const what = 'the rights to install the chart';
  if (missing.length === 0) return fine(what);
  const why = `you may not ${listed(missing.map(({ verb, resource }) => `${verb} ${resource}`))}`;
  return failed(what, why, 'install as an administrator of the cluster');
}

/** At most so many names stand in one line. */
const NAMES_MAX = 8;

/** Names, joined; a long list is cut and says how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return more > 0 ? `${names.slice(0, NAMES_MAX).join(', ')} and ${more} more` : names.join(', ');
}

/** The minor version of `v1.33.4`, `1.33+`; undefined for anything else, also a later major version. */
function minorOf(version: string | undefined): number | undefined {
  const [, minor] = /^v?1\.(\d+)/u.exec(version ?? '') ?? [];
  return minor === undefined ? undefined : Number(minor);
}
