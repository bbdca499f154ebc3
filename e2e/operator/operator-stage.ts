import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FromGate, Snapshot } from '@sidegate/crds';
import { parse } from 'yaml';
import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import {
  INJECTION_CONFIG_MAP,
  type InjectionSettings,
  SETTING_KEYS,
} from '../../operator/src/injection/injection-settings.ts';
import type { ApiRequest } from '../../operator/src/kube/api-client.ts';
import type { Condition } from '../../operator/src/kube/conditions.ts';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import type { ControlPhase } from '../../sidecar/src/config/control-state.ts';
import { followControl } from '../../sidecar/src/config/control-stream.ts';
import { LastKnownGood } from '../../sidecar/src/config/last-known-good.ts';
import type { ApprovalDesk } from '../../sidecar/src/gate/approval-desk.ts';
import type { LeasedBudgets } from '../../sidecar/src/gate/leased-budgets.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { DEADLINE_MS, type RunningProcess, startProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What is injected: the operator compares pods with it. */
const SETTINGS: InjectionSettings = {
  image: 'sidegate.test/gate:1',
  control: 'https://sidegate-operator.sidegate.svc:8443',
  store: 'https://sidegate-store.sidegate.svc:8443',
  upstreamDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  root: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
};

const NEVER = new AbortController().signal;
const ROOT = join(import.meta.dirname, '..', '..');
const GROUP = '/apis/sidegate.dev/v1alpha1';

/** Nothing here takes longer than seconds; a slow machine may. */
const WAIT_MS = 180_000;

/** Resolves with what `look` finds, looking again until it finds something; rejects at the deadline with what was seen last. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  seen: () => unknown = () => '',
): Promise<T> {
  const givenUpMs = Date.now() + WAIT_MS;
  while (Date.now() < givenUpMs) {
    const found = await look();
    if (found !== undefined) return found;
    await MACHINE_TIME.pause(50, NEVER);
  }
  throw new Error(`${what} did not come about: ${JSON.stringify(seen())}`);
}

/** A running operator. */
export interface OperatorProcess {
  readonly process: RunningProcess;
  readonly controlUrl: string;
  readonly admissionUrl: string;
  readonly probesUrl: string;
}

/** What a gate shares with its cluster: who decides its held commands, and its limits. */
export interface SharedWithCluster {
  readonly desk?: ApprovalDesk;
  readonly budgets?: LeasedBudgets;
}

/** A gate without doors: it follows the operator as a real one does, and shows what it was given. */
export class FollowingGate {
  readonly applied: Snapshot[] = [];
  readonly phases: ControlPhase[] = [];
  readonly said: string[] = [];
  refuses = false;
  readonly #stop = new AbortController();
  readonly #folder = temporaryFolder('gate');
  readonly #following: Promise<void>;

  constructor(url: string, authority: string, token: string, shared: SharedWithCluster = {}) {
    this.#following = followControl(
      {
        address: { url, authority, readToken: () => Promise.resolve(token) },
        program: 'test',
        clock: MACHINE_TIME_WITHOUT_CHANCE,
        kept: new LastKnownGood(this.#folder.path),
        apply: (snapshot) => Promise.resolve(this.#apply(snapshot)),
        recording: () => true,
        phaseChanged: (phase) => this.phases.push(phase),
        ...shared,
        log: (_, message, facts) => this.said.push(`${message} ${JSON.stringify(facts)}`),
      },
      this.#stop.signal,
    );
  }

  get last(): Snapshot | undefined {
    return this.applied.at(-1);
  }

  /** `target password`, one for each Target that the last snapshot opens. */
  get secrets(): readonly string[] {
    return (this.last?.secrets ?? []).map(({ target, password }) => `${target.namespace}/${target.name} ${password}`);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    this.#folder.remove();
  }

  #apply(snapshot: Snapshot): FromGate {
    const { version, nonce } = snapshot;
    if (this.refuses)
      return { kind: 'Nack', version, nonce, faults: [{ code: 'Test', message: 'This gate refuses.' }] };
    this.applied.push(snapshot);
    return { kind: 'Ack', version, nonce, listeners: [] };
  }
}

const MACHINE_TIME_WITHOUT_CHANCE = { ...MACHINE_TIME, random: () => 0 };

/** A real API server with our kinds in it, and operators that work on it. */
export class OperatorStage {
  readonly server: ApiServer;
  readonly #certificates: Certificates;
  readonly #operators: OperatorProcess[] = [];
  readonly #gates: FollowingGate[] = [];

  private constructor(server: ApiServer, certificates: Certificates) {
    this.server = server;
    this.#certificates = certificates;
  }

  /** What operators serve with, and whoever else is to be trusted like them. */
  get certificates(): Certificates {
    return this.#certificates;
  }

  static async start(programs: string): Promise<OperatorStage> {
    const server = await startApiServer(programs);
    const stage = new OperatorStage(server, makeCertificates(server.folder.path));
    for (const kind of ['target', 'agent-access', 'policy', 'approval-request']) {
      const definition: unknown = parse(readFileSync(join(ROOT, 'crds', `${kind}.yaml`), 'utf8'));
      await stage.put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    }
    for (const plural of ['targets', 'agentaccesses', 'policies', 'approvalrequests'])
      await eventually(plural, async () => ((await stage.get(`${GROUP}/${plural}`)) === undefined ? undefined : true));
    await stage.namespace('sidegate');
    await stage.injection(SETTINGS);
    return stage;
  }

  /** `certificates`: options that say where they come from; default files. `program`: parameters of Node that name it; default its source. */
  async startOperator(
    identity: string,
    certificates: readonly string[] = this.#fileOptions(),
    kubeconfig = this.server.kubeconfig,
    program: readonly string[] = [join(ROOT, 'operator', 'src', 'main.ts')],
  ): Promise<OperatorProcess> {
    const configuration = this.server.folder.file(`${identity}.yaml`);
    writeFileSync(
      configuration,
      JSON.stringify({
        apiVersion: 'sidegate.dev/v1alpha1',
        kind: 'Configuration',
        issuers: [{ name: 'corporate', url: 'https://issuer.test', audiences: ['sidegate'] }],
        approvers: { userPrefix: 'corp:' },
      }),
    );
    const process = startProcess('node', [
      ...program,
      `--kubeconfig=${kubeconfig}`,
      '--namespace=sidegate',
      `--identity=${identity}`,
      `--configuration=${configuration}`,
      ...certificates,
      '--control=127.0.0.1:0',
      '--probes=127.0.0.1:0',
      '--admission=127.0.0.1:0',
    ]);
    const [, control, probes, admission] = await process.line(
      /"the operator has started".*"control":(\d+),"probes":(\d+),"admission":(\d+)/,
      WAIT_MS,
    );
    const operator = {
      process,
      controlUrl: `https://localhost:${control}`,
      admissionUrl: `https://localhost:${admission}`,
      probesUrl: `http://127.0.0.1:${probes}`,
    };
    this.#operators.push(operator);
    return operator;
  }

  #fileOptions(): readonly string[] {
    const { certificateFile, keyFile } = this.#certificates;
    return [`--tls-certificate=${certificateFile}`, `--tls-key=${keyFile}`];
  }

  /** PEM: what the certificates of the files lead to. */
  get authority(): string {
    return this.#certificates.authority;
  }

  async get(path: string): Promise<unknown> {
    const found = await this.server.client.request({ path, signal: AbortSignal.timeout(DEADLINE_MS) });
    return found.ok ? found.value : undefined;
  }

  /** Makes an object or replaces what is there, by server-side apply. */
  async put(collection: string, object: unknown): Promise<void> {
    const { metadata } = object as { readonly metadata: { readonly name: string } };
    await this.#ask(`${collection}/${metadata.name}`, {
      method: 'PATCH',
      path: `${collection}/${metadata.name}`,
      query: { fieldManager: 'test', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
  }

  /** An API server that has just come up is asked again until it is not busy. */
  #ask(what: string, request: Omit<ApiRequest, 'signal'>): Promise<unknown> {
    return eventually(what, async () => {
      const answer = await this.server.client.request({ ...request, signal: AbortSignal.timeout(DEADLINE_MS) });
      if (answer.ok) return answer.value;
      if (answer.fault.code !== 'Busy' && answer.fault.code !== 'Unreachable')
        throw new Error(`${what}: ${answer.fault.message}`);
      return undefined;
    });
  }

  /** A kubeconfig of the administrator who acts as somebody else. */
  kubeconfigAs(user: string, groups: readonly string[]): string {
    const config = JSON.parse(readFileSync(this.server.kubeconfig, 'utf8')) as { users: { user: object }[] };
    for (const one of config.users) one.user = { ...one.user, as: user, 'as-groups': ['system:masters', ...groups] };
    const file = this.server.folder.file(`${user}.kubeconfig`);
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** Merges into the status of an object. */
  async patchStatus(path: string, status: object): Promise<void> {
    const request = { method: 'PATCH', path: `${path}/status`, contentType: 'application/merge-patch+json' } as const;
    await this.#ask(path, { ...request, body: { status } });
  }

  async remove(path: string): Promise<void> {
    await this.server.client.request({
      method: 'DELETE',
      path,
      query: { gracePeriodSeconds: '0' },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  }

  async namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.put('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }

  async resource(
    kind: 'Target' | 'AgentAccess' | 'Policy',
    namespace: string,
    name: string,
    spec: object,
  ): Promise<void> {
    const object = { apiVersion: 'sidegate.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
    await this.put(`${GROUP}/namespaces/${namespace}/${PLURALS[kind]}`, object);
  }

  pathOf(kind: keyof typeof PLURALS, namespace: string, name: string): string {
    return `${GROUP}/namespaces/${namespace}/${PLURALS[kind]}/${name}`;
  }

  /** Applies the object as kubectl does; gives what the API server says when it refuses, or nothing. */
  async tryApply(kind: keyof typeof PLURALS, namespace: string, name: string, spec: object): Promise<string> {
    const path = this.pathOf(kind, namespace, name);
    const answer = await this.server.client.request({
      method: 'PATCH',
      path,
      query: { fieldManager: 'test', force: 'true', fieldValidation: 'Strict' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'sidegate.dev/v1alpha1', kind, metadata: { name, namespace }, spec },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    return answer.ok ? '' : answer.fault.message;
  }

  async secret(namespace: string, name: string, values: Readonly<Record<string, string>>): Promise<void> {
    const metadata = { name, namespace };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'sidegate.dev/credential', stringData: values };
    await this.put(`/api/v1/namespaces/${namespace}/secrets`, object);
  }

  /** Says what is injected. */
  async injection(settings: InjectionSettings): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(SETTING_KEYS).map(([field, key]) => [key, settings[field as keyof InjectionSettings]]),
    );
    const metadata = { name: INJECTION_CONFIG_MAP, namespace: 'sidegate' };
    await this.put('/api/v1/namespaces/sidegate/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  }

  async serviceAccount(namespace: string, name: string): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    await this.put(`/api/v1/namespaces/${namespace}/serviceaccounts`, object);
  }

  /** A pod as injection makes it, or without its gate. Nothing runs it. */
  async pod(
    namespace: string,
    name: string,
    { labels = {}, annotations = {}, gated = true }: { labels?: object; annotations?: object; gated?: boolean },
  ): Promise<void> {
    const { container, volumes } = gateTemplate(SETTINGS);
    const agent = {
      name: 'agent',
      image: 'agent.test/agent:1',
      securityContext: { runAsUser: 1000, capabilities: { drop: ['NET_RAW'] } },
    };
    await this.put(`/api/v1/namespaces/${namespace}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels, annotations },
      spec: {
        serviceAccountName: 'bot',
        automountServiceAccountToken: false,
        containers: [agent],
        ...(gated ? { initContainers: [container], volumes } : {}),
      },
    });
  }

  /** A token of the audience, bound to the pod: what the kubelet mounts in the gate. */
  async token(namespace: string, pod: string, audience = 'sidegate-gate', bound = true): Promise<string> {
    const found = await this.#ask(pod, { path: `/api/v1/namespaces/${namespace}/pods/${pod}` });
    const { uid } = (found as { metadata: { uid: string } }).metadata;
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod, uid };
    const made = await this.#ask('a token', {
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/bot/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], expirationSeconds: 3600, ...(bound ? { boundObjectRef } : {}) },
      },
    });
    return (made as { status: { token: string } }).status.token;
  }

  gate(
    { controlUrl }: OperatorProcess,
    token: string,
    { authority = this.#certificates.authority, ...shared }: SharedWithCluster & { readonly authority?: string } = {},
  ): FollowingGate {
    const gate = new FollowingGate(controlUrl, authority, token, shared);
    this.#gates.push(gate);
    return gate;
  }

  /** The conditions of an object as `Type Status Reason`, with its counts. */
  async status(kind: 'Target' | 'AgentAccess' | 'Policy', namespace: string, name: string): Promise<string> {
    const found = await this.get(`${GROUP}/namespaces/${namespace}/${PLURALS[kind]}/${name}`);
    const { status = {} } = (found ?? {}) as {
      status?: { conditions?: readonly Condition[]; gates?: number; programmedGates?: number };
    };
    const conditions = (status.conditions ?? []).map(({ type, status: holds, reason }) => `${type}=${holds} ${reason}`);
    const counts = status.gates === undefined ? [] : [`${status.programmedGates}/${status.gates}`];
    return [...conditions, ...counts].join(', ');
  }

  /** Waits until the conditions of an object match. */
  async becomes(
    kind: 'Target' | 'AgentAccess' | 'Policy',
    namespace: string,
    name: string,
    pattern: RegExp,
  ): Promise<string> {
    let last = '';
    return eventually(
      `${kind} ${namespace}/${name} ${pattern}`,
      async () => {
        last = await this.status(kind, namespace, name);
        return pattern.test(last) ? last : undefined;
      },
      () => [last, ...this.#operators.map(({ process }) => process.output().slice(-2_000))],
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.#gates.map((gate) => gate.stop()));
    await Promise.all(this.#operators.map(({ process }) => process.stop('SIGKILL')));
    await this.server[Symbol.asyncDispose]();
  }
}

const PLURALS = { Target: 'targets', AgentAccess: 'agentaccesses', Policy: 'policies' } as const;
