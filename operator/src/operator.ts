import { type Configuration, describeFault, INJECTION_LABEL, type ObjectMeta, type Result } from '@sidegate/crds';
import type { Held, LimitAccount } from '@sidegate/policy/control';
import { ApprovalController } from './approvals/approval-controller.ts';
import { ApproverNames } from './approvals/approver-names.ts';
import { type HoldFault, type RequestToMake, requestOf } from './approvals/held-request.ts';
import { HoldBoard } from './approvals/hold-board.ts';
import { withFormerRoots } from './certificates/former-roots.ts';
import { type ClusterIndexes, type ClusterSettings, ClusterState } from './cluster-state.ts';
import { type Attested, attest } from './control/attestation.ts';
import { ControlService } from './control/control-service.ts';
import { GateBoard } from './control/gate-board.ts';
import type { GateSession, SessionTerms } from './control/gate-session.ts';
import { agentAccessJudge, policyJudge, targetJudge } from './controllers/judges.ts';
import { StatusController } from './controllers/status-controller.ts';
import { type BundleContent, GateBundles } from './gate-bundle.ts';
import { GateTally } from './gate-tally.ts';
import { INJECTION_CONFIG_MAP } from './injection/injection-settings.ts';
import { readTemplate } from './injection/injection-template.ts';
import { withSeenSettings } from './injection/seen-settings.ts';
import {
  type ConfigMap,
  isConfigMap,
  isLive,
  isNamespace,
  isPod,
  isSecret,
  type Namespace,
  type Pod,
  type Secret,
} from './kinds.ts';
import type { ApiClient } from './kube/api-client.ts';
import type { ApiObject } from './kube/api-object.ts';
import { EventSeries } from './kube/event-series.ts';
import type { Change } from './kube/object-index.ts';
import { Reflector } from './kube/reflector.ts';
import { ReflectorSet } from './kube/reflector-set.ts';
import type { Timing } from './kube/timing.ts';
import { WorkQueue } from './kube/work-queue.ts';
import { LimitDesk } from './limits/limit-desk.ts';
import { LimitStore } from './limits/limit-store.ts';
import { limitIn } from './limits/shared-limit.ts';

export interface OperatorOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly settings: ClusterSettings;
  /** Where the operator runs: the ConfigMap of the injection is there. */
  readonly namespace: string;
  readonly terms: SessionTerms;
  /** Which token subjects the Kubernetes users are that decide held commands. */
  readonly approvers: Configuration['approvers'];
  /** The name of this replica. */
  readonly identity: string;
  readonly nonce: () => string;
  readonly trouble: (what: string) => void;
}

const GROUP = '/apis/sidegate.dev/v1alpha1';
/** Changes that come together are judged together, in milliseconds; gates that wait for them do not notice. */
const GATHER_MS = 20;
/** What gates say is counted no more often than this. */
const COUNT_MS = 500;
const WORKERS = 4;
const NO_VERSION = 'none';
const APPROVALS = 'ApprovalRequest ';

/**
 * Everything of one replica but its sockets: reads the cluster, and while it leads writes conditions and serves gates. Reading goes on whoever
 * leads, so that a follower takes over at once.
 */
export class Operator {
  readonly state: ClusterState;
  readonly control: ControlService;
  readonly board: GateBoard;
  readonly #options: OperatorOptions;
  readonly #resources: readonly Reflector<ApiObject>[];
  readonly #requests: Reflector<ApiObject>;
  readonly #namespaces: Reflector<Namespace>;
  readonly #injection: Reflector<ConfigMap>;
  readonly #pods: ReflectorSet<Pod>;
  readonly #secrets: ReflectorSet<Secret>;
  readonly #configMaps: ReflectorSet<ConfigMap>;
  readonly #holds: HoldBoard;
  readonly #limits: LimitDesk;
  readonly #queue: WorkQueue;
  readonly #controller: StatusController;
  #reading: AbortSignal = AbortSignal.abort();
  #leading: AbortSignal | undefined;
  /** Of the ConfigMap that was taken last. */
  #templateVersion: string | undefined;
  #gathering = false;
  #counting = false;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { client, timing, trouble, settings, terms, nonce, identity } = options;
    const shared = { client, timing, trouble };
    const resource = (plural: string): Reflector<ApiObject> =>
      new Reflector({ ...shared, path: `${GROUP}/${plural}`, accept: isAny, changed: () => this.#changed() });
    const [targets, accesses, policies] = [resource('targets'), resource('agentaccesses'), resource('policies')];
    this.#requests = new Reflector({
      ...shared,
      path: `${GROUP}/approvalrequests`,
      accept: isAny,
      changed: ({ key }) => this.#queueApproval(key),
    });
    this.#resources = [targets, accesses, policies, this.#requests];
    this.#namespaces = new Reflector({
      ...shared,
      path: '/api/v1/namespaces',
      accept: isNamespace,
      changed: () => this.#changed(),
    });
    this.#injection = new Reflector({
      ...shared,
      path: `/api/v1/namespaces/${options.namespace}/configmaps`,
      query: { fieldSelector: `metadata.name=${INJECTION_CONFIG_MAP}` },
      accept: isConfigMap,
      changed: () => this.#changed(),
    });
    const beside = { ...shared, synced: () => this.#changed() };
    this.#secrets = new ReflectorSet({
      ...beside,
      pathIn: (namespace) => `/api/v1/namespaces/${namespace}/secrets`,
      query: { fieldSelector: 'type=sidegate.dev/credential' },
      accept: isSecret,
      changed: () => this.#changed(),
    });
    this.#configMaps = new ReflectorSet({
      ...beside,
      pathIn: (namespace) => `/api/v1/namespaces/${namespace}/configmaps`,
      accept: isConfigMap,
      changed: () => this.#changed(),
    });
    this.#pods = new ReflectorSet({
      ...shared,
      pathIn: (namespace) => `/api/v1/namespaces/${namespace}/pods`,
      accept: isPod,
      changed: (change) => this.#podChanged(change),
      synced: () => this.#changed(),
    });
    const indexes: ClusterIndexes = {
      targets: targets.index,
      accesses: accesses.index,
      policies: policies.index,
      namespaces: this.#namespaces.index,
      secretsIn: (namespace) => this.#secrets.in(namespace),
      configMapsIn: (namespace) => this.#configMaps.in(namespace),
      podsIn: (namespace) => this.#pods.in(namespace),
    };
    this.state = new ClusterState(indexes, settings);
    const bundles = new GateBundles(this.state);
    this.board = new GateBoard(() => this.#countSoon());
    const tally = new GateTally(this.state, bundles, this.board);
    const events = new EventSeries(client, timing, identity);
    const names = new ApproverNames(options.approvers);
    this.#holds = new HoldBoard({
      accept: (held, session) => this.#acceptHold(held, session, names),
      changed: (key) => this.#queueApproval(key),
    });
    this.#limits = new LimitDesk({
      ...shared,
      store: new LimitStore(client, options.namespace),
      limitOf: ({ policy, limit }) => limitIn(this.state.policy(`${policy?.namespace}/${policy?.name}`), limit),
      mayUse: ({ access, policy }, { attested }) => {
        const bundle = bundles.bundleFor(this.#findPod(attested) ?? attested.pod);
        return bundle.kind === 'Bundle' && isGiven(bundle.content, { access, policy });
      },
      lives: (uid, namespace) => this.#lives(uid, namespace),
    });
    const approvals = new ApprovalController({
      ...shared,
      board: this.#holds,
      names,
      requests: this.#requests.index,
      podsIn: (namespace) => this.#pods.in(namespace),
      policyUid: (key) => policies.index.get(key)?.metadata.uid,
      renewLimit: (limit, approval, session) => this.#limits.renew(limit, approval, session),
      writeStatus: (work, signal) => this.#controller.work(work, signal),
    });
    const judges = [
      targetJudge(this.state),
      agentAccessJudge(this.state, tally),
      policyJudge(this.state, tally),
      approvals,
    ];
    this.#controller = new StatusController({ client, timing, events, judges });
    this.#queue = new WorkQueue({
      timing,
      workers: WORKERS,
      trouble,
      work: (key, signal) =>
        key.startsWith(APPROVALS)
          ? approvals.work(key.slice(APPROVALS.length), signal)
          : this.#controller.work(key, signal),
    });
    this.control = new ControlService({
      bundles,
      board: this.board,
      timing,
      terms,
      nonce,
      attest: (token, signal) => attest(client, token, signal),
      findPod: (attested) => this.#findPod(attested),
      closed: () => this.#closed(),
      heard: (sentence, session) => {
        if (sentence.case !== 'spending') this.#holds.heard(sentence, session);
        else this.#limits.heard(sentence.value, session);
      },
      left: (session) => {
        this.#holds.left(session);
        this.#limits.left(session);
      },
    });
  }

  /** Reads the cluster until `signal` aborts. */
  async read(signal: AbortSignal): Promise<void> {
    this.#reading = signal;
    this.#changed();
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
    await Promise.all([this.#pods, this.#secrets, this.#configMaps].map((set) => set.ended()));
  }

  /** True when everything that is known by name has been read. */
  get isSynced(): boolean {
    return this.#reflectors.every((reflector) => reflector.isSynced);
  }

  get #reflectors() {
    return [...this.#resources, this.#namespaces, this.#injection];
  }

  /** Writes conditions and serves gates until `signal` aborts. */
  async lead(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#allSynced(), aborted(signal)]);
    if (signal.aborted) return;
    this.#leading = signal;
    this.#queueAll();
    await Promise.all([this.#queue.run(signal), this.#limits.run(signal)]);
    this.#leading = undefined;
    this.control.sendAway('Another replica leads now.');
  }

  get isLeading(): boolean {
    return this.#leading !== undefined;
  }

  async #allSynced(): Promise<void> {
    await Promise.all(this.#reflectors.map(({ hasSynced }) => hasSynced));
    this.#follow();
  }

  #closed(): ReturnType<ConstructorParameters<typeof ControlService>[0]['closed']> {
    if (this.#leading === undefined) return { code: 'NotLeading', message: 'Another replica leads, or none yet.' };
    return this.isSynced ? undefined : { code: 'NotSynced', message: 'The cluster is not read yet.' };
  }

  #findPod({ pod, uid }: Attested): Pod | undefined {
    const { namespace = 'default', name } = pod.metadata;
    const found = this.#pods.in(namespace)?.get(`${namespace}/${name}`);
    return found?.metadata.uid === uid ? found : undefined;
  }

  /** Undefined: not known yet. In a namespace that lost its label, or is gone, no gate has anything. */
  #lives(uid: string, namespace: string): boolean | undefined {
    if (this.isSynced && !this.state.isLabelled(namespace)) return false;
    return this.#pods.in(namespace)?.all.some((pod) => pod.metadata.uid === uid && isLive(pod));
  }

  /** Something other than a pod changed: what follows from it is found out once for all that changes together. */
  #changed(): void {
    if (this.#gathering || this.#reading.aborted) return;
    this.#gathering = true;
    void this.#options.timing.pause(GATHER_MS, this.#reading).then(() => {
      this.#gathering = false;
      if (this.#reading.aborted) return;
      this.#follow();
      this.#takeTemplate();
      this.state.changed();
      this.#queueAll();
      this.control.refresh();
      this.#holds.readAgain();
    });
  }

  /** Which namespaces are read follows from the others: agents' pods, and what lies beside Targets. */
  #follow(): void {
    if (!this.isSynced) return;
    const agents = this.#namespaces.index.all.filter(
      ({ metadata }) => metadata.labels?.[INJECTION_LABEL] === 'enabled',
    );
    this.#pods.follow(new Set(agents.map(({ metadata }) => metadata.name)), this.#reading);
    const { targets } = this.state;
    this.#secrets.follow(new Set(targets.map(({ namespace }) => namespace)), this.#reading);
    const withAuthorities = targets.filter(
      ({ resource }) => resource.ok && (resource.value.spec.tls?.caCertificateRefs ?? []).length > 0,
    );
    this.#configMaps.follow(new Set(withAuthorities.map(({ namespace }) => namespace)), this.#reading);
  }

  #takeTemplate(): void {
    const [configMap] = this.#injection.index.all;
    if (!this.#injection.isSynced || configMap?.metadata.resourceVersion === this.#templateVersion) return;
    this.#templateVersion = configMap?.metadata.resourceVersion ?? NO_VERSION;
    const template = readTemplate(
      configMap && { ...configMap, data: withFormerRoots(withSeenSettings(configMap.data ?? {})) },
    );
    if (!template.ok) this.#options.trouble(describeFault(template.fault));
    this.state.replaceTemplate(template);
  }

  #podChanged(change: Change<Pod>): void {
    this.#countSoon();
    switch (change.kind) {
      case 'Added':
        return;
      case 'Deleted':
        return this.control.podGone(change.before.metadata.uid);
      case 'Updated':
        if (!isLive(change.object)) this.control.podGone(change.object.metadata.uid);
        else if (JSON.stringify(change.object.metadata.labels) !== JSON.stringify(change.before.metadata.labels))
          this.#changed();
        else if (JSON.stringify(change.object.spec) !== JSON.stringify(change.before.spec)) this.#changed();
    }
  }

  #countSoon(): void {
    if (this.#counting || this.#leading === undefined) return;
    this.#counting = true;
    void this.#options.timing.pause(COUNT_MS, this.#leading).then(() => {
      this.#counting = false;
      this.#queueAll();
    });
  }

  #acceptHold(held: Held, session: GateSession, names: ApproverNames): Result<RequestToMake, HoldFault> | undefined {
    const bundle = session.bundleOf(held.policyVersion);
    if (bundle === undefined) return undefined;
    const { name, namespace = 'default', uid } = session.attested.pod.metadata;
    return requestOf(held, {
      content: bundle.content,
      pod: { namespace, name, uid },
      names,
      nowMs: this.#options.timing.nowMs(),
    });
  }

  #queueApproval(key: string): void {
    if (this.#leading !== undefined) this.#queue.add(`${APPROVALS}${key}`);
  }

  #queueAll(): void {
    if (this.#leading === undefined) return;
    for (const key of this.#controller.keys()) this.#queue.add(key);
  }
}

/** Whether a gate has the AgentAccess, and the Policy that it is held to. */
function isGiven({ resources }: BundleContent, { access, policy }: Pick<LimitAccount, 'access' | 'policy'>): boolean {
  const has = (all: readonly { readonly metadata: ObjectMeta }[], one: LimitAccount['access']): boolean =>
    all.some(({ metadata }) => metadata.name === one?.name && (metadata.namespace ?? 'default') === one.namespace);
  return has(resources.accesses, access) && has(resources.policies, policy);
}

function isAny(object: ApiObject): object is ApiObject {
  return object.metadata.name !== '';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
