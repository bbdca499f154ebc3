import { INJECTION_LABEL, ok, type Result } from '@sidegate/crds';
import type { KubectlFault } from '../kubectl.ts';
import { type AskedCluster, judge, type Read, read, readAll, readOne } from './asked-cluster.ts';
import { readAdmission } from './check-server.ts';
import type {
  Binding,
  ClusterPod,
  Definition,
  Judged,
  Named,
  Settings,
  WebhookConfiguration,
  Workload,
} from './cluster-objects.ts';
import { type Finding, warned } from './finding.ts';
import { type Bound, judgeGuards, judgeInjectors, judgeValidation } from './judge-admission.ts';
import { judgeNamespace, judgeResource } from './judge-agents.ts';
import { judgeRoot, judgeServing, judgeSettings } from './judge-injection.ts';
import { DEFINITIONS, judgeDefinition, judgeLeader, judgeStore, judgeWorkload } from './judge-operator.ts';
import { servesMutatingPolicies } from './judge-server.ts';

const OPERATOR_PODS = '--selector=app.kubernetes.io/name=sidegate,app.kubernetes.io/component=operator';
const KINDS = { Target: 'targets', AgentAccess: 'agentaccesses', Policy: 'policies' } as const;

/** What must hold once the chart is installed. */
export async function checkInstalled(cluster: AskedCluster): Promise<readonly Finding[]> {
  return [
    ...(await checkDefinitions(cluster)),
    ...(await checkPrograms(cluster)),
    ...(await checkAdmission(cluster)),
    ...(await checkNamespaces(cluster)),
    ...(await checkResources(cluster)),
  ];
}

async function checkDefinitions(cluster: AskedCluster): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const name of DEFINITIONS) {
    const found = await readOne<Definition>(cluster, 'customresourcedefinitions.apiextensions.k8s.io', name);
    findings.push(...judge(`definition ${name}`, found, (one) => judgeDefinition(name, one)));
  }
  return findings;
}

async function checkPrograms(cluster: AskedCluster): Promise<readonly Finding[]> {
  const { namespace, nowMs } = cluster;
  const here = `--namespace=${namespace}`;
  const operator = await readOne<Workload>(cluster, 'deployments.apps', 'sidegate-operator', here);
  const pods = await readAll<ClusterPod>(cluster, 'pods', here, OPERATOR_PODS);
  const settings = await readSettings(cluster);
  const data = settings.ok ? settings.value?.data : undefined;
  const root = data?.['root.crt'] ?? '';
  const store = await readOne<Workload>(cluster, 'statefulsets.apps', 'sidegate-store', here);
  // A store outside of this installation has its own certificate.
  const ours = !store.ok || store.value !== undefined;
  const secrets = ['sidegate-operator-tls', ...(ours ? ['sidegate-store-tls'] : [])];
  const findings: Finding[] = [
    ...judge('operator', operator, (one) => judgeWorkload('operator', one, namespace)),
    ...judge('leader of the operator', pods, (all) => judgeLeader(all, namespace)),
    ...judge('store', store, (one) => judgeStore(one, data?.['store'], namespace)),
    ...judge('ConfigMap sidegate-injection', settings, (one) => judgeSettings(one, namespace)),
  ];
  if (root === '') return findings;
  findings.push(judgeRoot(root, namespace, nowMs));
  for (const name of secrets) {
    const pem = await readCertificate(cluster, name);
    findings.push(...judge(`certificate ${name}`, pem, (text) => judgeServing(name, text, root, nowMs)));
  }
  return findings;
}

function readSettings(cluster: AskedCluster): Read<Settings | undefined> {
  return readOne<Settings>(cluster, 'configmaps', 'sidegate-injection', `--namespace=${cluster.namespace}`);
}

/** The certificate of a Secret, in PEM. Its key is not asked to be printed. */
async function readCertificate(cluster: AskedCluster, secret: string): Read<string | undefined> {
  const found = await read<readonly string[]>(
    cluster,
    'get',
    'secrets',
    `--namespace=${cluster.namespace}`,
    `--field-selector=metadata.name=${secret}`,
    '--output=jsonpath-as-json={.items[*].data.tls\\.crt}',
  );
  if (!found.ok) return found;
  const [encoded] = found.value;
  return ok(encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8'));
}

async function checkAdmission(cluster: AskedCluster): Promise<readonly Finding[]> {
  const { namespace } = cluster;
  const served = await readAdmission(cluster);
  if (!served.ok) return judge('admission of the API server', served, () => []);
  const guards = await readBound(cluster, 'validating');
  const nothing: Bound = { policies: [], bindings: [] };
  const injectors = servesMutatingPolicies(served.value) ? await readBound(cluster, 'mutating') : ok(nothing);
  const mutating = await readWebhook(cluster, 'mutating', 'sidegate-injection');
  const validating = await readWebhook(cluster, 'validating', 'sidegate-validation');
  return [
    ...judge('admission policies', guards, (all) => judgeGuards(all, namespace)),
    ...judge('injection', both(injectors, mutating), ([all, one]) => judgeInjectors(all, one, namespace)),
    ...judge('webhook sidegate-validation', validating, (one) => judgeValidation(one, namespace)),
  ];
}

async function readBound(cluster: AskedCluster, way: 'mutating' | 'validating'): Read<Bound> {
  const group = 'admissionregistration.k8s.io';
  const policies = await readAll<Named>(cluster, `${way}admissionpolicies.${group}`);
  const bindings = await readAll<Binding>(cluster, `${way}admissionpolicybindings.${group}`);
  const all = both(policies, bindings);
  return all.ok ? ok({ policies: all.value[0], bindings: all.value[1] }) : all;
}

function readWebhook(
  cluster: AskedCluster,
  way: 'mutating' | 'validating',
  name: string,
): Read<WebhookConfiguration | undefined> {
  return readOne(cluster, `${way}webhookconfigurations.admissionregistration.k8s.io`, name);
}

function both<A, B>(a: Result<A, KubectlFault>, b: Result<B, KubectlFault>): Result<readonly [A, B], KubectlFault> {
  if (!a.ok) return a;
  return b.ok ? ok([a.value, b.value]) : b;
}

async function checkNamespaces(cluster: AskedCluster): Promise<readonly Finding[]> {
  const labelled = await readAll<Named>(cluster, 'namespaces', `--selector=${INJECTION_LABEL}=enabled`);
  if (!labelled.ok) return judge('labelled namespaces', labelled, () => []);
  if (labelled.value.length === 0) {
    const mend = `kubectl label namespace NAME ${INJECTION_LABEL}=enabled`;
    return [warned('labelled namespaces', 'there is none, so no pod has a gate', mend)];
  }
  const findings: Finding[] = [];
  // That it cannot be read was said.
  const settings = await readSettings(cluster);
  const locked = settings.ok && settings.value?.data?.['egress'] === 'Locked';
  for (const { metadata } of labelled.value) {
    const pods = await readAll<ClusterPod>(cluster, 'pods', `--namespace=${metadata.name}`);
    findings.push(...judge(`namespace ${metadata.name}`, pods, (all) => judgeNamespace(metadata, all, locked)));
  }
  return findings;
}

async function checkResources(cluster: AskedCluster): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [kind, plural] of Object.entries(KINDS)) {
    const found = await readAll<Judged>(cluster, `${plural}.sidegate.dev`, '--all-namespaces');
    findings.push(...judge(plural, found, (all) => all.map((one) => judgeResource(kind, one))));
  }
  return findings;
}
