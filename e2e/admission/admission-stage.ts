import { KubeConfig } from '@kubernetes/client-node';
import type { Result } from '@sidegate/crds';
import { INJECTION_LABEL } from '@sidegate/crds';
import { type InjectionSettings, SETTING_KEYS } from '../../operator/src/injection/injection-settings.ts';
import { readLock } from '../../operator/src/injection/lock-settings.ts';
import { type ApiClient, type ApiRequest, openApiClient } from '../../operator/src/kube/api-client.ts';
import type { ApiFault } from '../../operator/src/kube/api-fault.ts';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { DEADLINE_MS } from '../support/processes.ts';

/** What the cluster of these tests sets. */
export const SETTINGS: InjectionSettings = {
  image: 'sidegate.test/gate:1',
  control: 'https://sidegate-operator.sidegate-system.svc:8443',
  store: 'https://sidegate-store.sidegate-system.svc:8443',
  upstreamDns: '10.96.0.10,10.96.0.11',
  clusterDomain: 'cluster.local',
  root: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
};

/** Of the ConfigMap: egress is locked, but for these networks. */
export const LOCKED_KEYS = {
  egress: 'Locked',
  'lock-image': 'sidegate.test/lock:1',
  'egress-allowed-cidrs': '192.0.2.0/24,2001:db8::/32,198.51.100.7/32',
} as const;

/** The same as it is read. */
export function lockedSettings(keys: Readonly<Record<string, string>> = LOCKED_KEYS): InjectionSettings {
  const lock = readLock(keys, {});
  if (!lock.ok || lock.value === undefined) throw new Error('the keys of these tests lock nothing');
  return { ...SETTINGS, lock: lock.value };
}

/** The one path of the node that pods may mount. */
export const ALLOWED_PATH = '/srv/data';

/** A namespace whose pods get a gate, and one whose do not. */
export const AGENTS = 'agents';
export const OTHERS = 'others';

const POLICIES = '/apis/admissionregistration.k8s.io/v1';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

type Answer = Result<unknown, ApiFault>;

/** A real API server with the namespaces and settings that the admission policies need. */
export class AdmissionStage {
  readonly server: ApiServer;

  private constructor(server: ApiServer) {
    this.server = server;
  }

  /** `more`: parameters of the API server. */
  static async start(programs: string, more: readonly string[] = []): Promise<AdmissionStage> {
    const stage = new AdmissionStage(await startApiServer(programs, more));
    await stage.namespace('sidegate-system');
    await stage.namespace(AGENTS, { [INJECTION_LABEL]: 'enabled' });
    await stage.namespace(OTHERS);
    await stage.settings();
    for (const namespace of [AGENTS, OTHERS]) await stage.serviceAccount(namespace, 'default');
    return stage;
  }

  async end(): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  get client(): ApiClient {
    return this.server.client;
  }

  /** As the administrator, once. */
  ask(request: Omit<ApiRequest, 'signal'>, client = this.client): Promise<Answer> {
    return client.request({ ...request, signal: AbortSignal.timeout(DEADLINE_MS) });
  }

  /** As the administrator, again while the API server is busy: it has just come up. */
  async must(request: Omit<ApiRequest, 'signal'>): Promise<unknown> {
    return eventually(async () => {
      const answer = await this.ask(request);
      if (answer.ok) return answer.value;
      if (answer.fault.code !== 'Busy' && answer.fault.code !== 'Unreachable') throw new Error(answer.fault.message);
      return undefined;
    });
  }

  /** Makes an object or replaces what is there, by server-side apply. */
  async put(collection: string, object: Manifest): Promise<void> {
    await this.must({
      method: 'PATCH',
      path: `${collection}/${object.metadata.name}`,
      query: { fieldManager: 'test', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
  }

  async policies(objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) await this.put(`${POLICIES}/${PLURALS[object.kind] ?? ''}`, object);
  }

  async namespace(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const metadata = { name, labels, annotations };
    await this.put('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  }

  async serviceAccount(namespace: string, name: string): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    await this.put(`/api/v1/namespaces/${namespace}/serviceaccounts`, object);
  }

  async settings(settings: InjectionSettings = SETTINGS, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(SETTING_KEYS).map(([field, key]) => [key, settings[field as keyof typeof SETTING_KEYS]]),
    );
    const metadata = { name: 'sidegate-injection', namespace: 'sidegate-system' };
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { ...data, 'allowed-host-paths': ALLOWED_PATH, ...more },
    };
    await this.put('/api/v1/namespaces/sidegate-system/configmaps', object);
  }

  /** A client that is the service account. */
  async as(namespace: string, serviceAccount: string): Promise<ApiClient> {
    const made = await this.must({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
    });
    const { token } = (made as { status: { token: string } }).status;
    const config = new KubeConfig();
    config.loadFromFile(this.server.kubeconfig);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    config.loadFromClusterAndUser(cluster, { name: serviceAccount, token });
    return openApiClient({ config, timing: MACHINE_TIME });
  }

  /** Makes a pod, or only asks what it would become. */
  create(
    pod: Manifest,
    { dry = true, client = this.client }: { dry?: boolean; client?: ApiClient } = {},
  ): Promise<Answer> {
    const { namespace = AGENTS } = pod.metadata;
    const query = dry ? { dryRun: 'All' } : {};
    return this.ask({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, query, body: pod }, client);
  }
}

const PLURALS: Readonly<Record<string, string>> = {
  MutatingAdmissionPolicy: 'mutatingadmissionpolicies',
  MutatingAdmissionPolicyBinding: 'mutatingadmissionpolicybindings',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
};

/** What is asked of the API server takes effect within seconds; a slow machine may need longer. */
const WAIT_MS = 120_000;
const NEVER = new AbortController().signal;

/** Resolves with what `look` finds, looking again until it finds something; rejects at the deadline with what was seen last. */
export async function eventually<T>(look: () => Promise<T | undefined>, seen: () => unknown = () => ''): Promise<T> {
  const givenUpMs = Date.now() + WAIT_MS;
  while (Date.now() < givenUpMs) {
    const found = await look();
    if (found !== undefined) return found;
    await MACHINE_TIME.pause(50, NEVER);
  }
  throw new Error(`it did not come about: ${JSON.stringify(seen())}`);
}
