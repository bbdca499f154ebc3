import {
  type AgentAccess,
  type Configuration,
  type Fault,
  fail,
  INJECTION_LABEL,
  type Policy,
  type PolicySpec,
  type Result,
  type Target,
} from '@sidegate/crds';
import type { GateTemplate } from './injection/gate-template.ts';
import { checkInjection, type InjectionFault } from './injection/injection-check.ts';
import type { SettingsFault } from './injection/injection-settings.ts';
import { readAuthorities } from './judging/authorities.ts';
import { readLogin } from './judging/login.ts';
import { policyFaults } from './judging/policy-faults.ts';
import { judgeAcceptance } from './judging/target.ts';
import type { ConfigMap, Namespace, Pod, Secret } from './kinds.ts';
import type { ApiObject } from './kube/api-object.ts';
import type { ObjectIndex } from './kube/object-index.ts';
import type { TargetStanding } from './release.ts';
import {
  byAge,
  openReaders,
  type StoredAccess,
  type StoredPolicy,
  type StoredResource,
  type StoredTarget,
} from './stored-resource.ts';

/** The objects of the cluster, as last seen. An index by namespace is undefined while that namespace is not read whole. */
export interface ClusterIndexes {
  readonly targets: ObjectIndex<ApiObject>;
  readonly accesses: ObjectIndex<ApiObject>;
  readonly policies: ObjectIndex<ApiObject>;
  readonly namespaces: ObjectIndex<Namespace>;
  secretsIn(namespace: string): ObjectIndex<Secret> | undefined;
  configMapsIn(namespace: string): ObjectIndex<ConfigMap> | undefined;
  podsIn(namespace: string): ObjectIndex<Pod> | undefined;
}

export interface ClusterSettings {
  readonly operatorNamespace: string;
  readonly issuers: NonNullable<Configuration['issuers']>;
  /** Hex, 32 bytes: the key of Hash masks. */
  readonly maskKey: string;
}

const NOT_READ: Result<GateTemplate, SettingsFault> = fail({
  code: 'NoSettings',
  message: 'What is injected is not read yet.',
});

/** Resources by their namespace, so that what one namespace holds costs others nothing. */
interface ByNamespace {
  /** In the order of their names. */
  readonly policies: ReadonlyMap<string, readonly StoredPolicy[]>;
  /** Of these, those that do not compile. */
  readonly invalid: ReadonlyMap<string, readonly StoredPolicy[]>;
  readonly accesses: ReadonlyMap<string, readonly StoredAccess[]>;
}

/** What follows from the objects of the cluster, found out once for each state of them. Pure but for what it remembers. */
export class ClusterState {
  readonly indexes: ClusterIndexes;
  readonly settings: ClusterSettings;
  readonly #readers = openReaders();
  readonly #policyFaults = new WeakMap<StoredPolicy, readonly Fault[]>();
  #template: Result<GateTemplate, SettingsFault> = NOT_READ;
  #injected = new WeakMap<Pod, Result<void, InjectionFault | SettingsFault>>();
  #standings: ReadonlyMap<string, TargetStanding> | undefined;
  #byNamespace: ByNamespace | undefined;
  #revision = 0;

  constructor(indexes: ClusterIndexes, settings: ClusterSettings) {
    this.indexes = indexes;
    this.settings = settings;
  }

  /** Something other than a pod changed. */
  changed(): void {
    this.#revision += 1;
    this.#standings = undefined;
    this.#byNamespace = undefined;
  }

  /** What is injected is another thing now, or cannot be known. */
  replaceTemplate(template: Result<GateTemplate, SettingsFault>): void {
    this.#template = template;
    this.#injected = new WeakMap();
    this.changed();
  }

  /** What is injected now. */
  get template(): Result<GateTemplate, SettingsFault> {
    return this.#template;
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  get targets(): readonly StoredTarget[] {
    return readAll<Target>(this.indexes.targets, this.#readers.targets);
  }

  get accesses(): readonly StoredAccess[] {
    return readAll<AgentAccess>(this.indexes.accesses, this.#readers.accesses);
  }

  get policies(): readonly StoredPolicy[] {
    return readAll<Policy>(this.indexes.policies, this.#readers.policies);
  }

  target(key: string): StoredTarget | undefined {
    const object = this.indexes.targets.get(key);
    return object === undefined ? undefined : this.#readers.targets.read(object);
  }

  access(key: string): StoredAccess | undefined {
    const object = this.indexes.accesses.get(key);
    return object === undefined ? undefined : this.#readers.accesses.read(object);
  }

  policy(key: string): StoredPolicy | undefined {
    const object = this.indexes.policies.get(key);
    return object === undefined ? undefined : this.#readers.policies.read(object);
  }

  labelsOf(namespace: string): Readonly<Record<string, string>> {
    return this.indexes.namespaces.get(namespace)?.metadata.labels ?? {};
  }

  isLabelled(namespace: string): boolean {
    return this.labelsOf(namespace)[INJECTION_LABEL] === 'enabled';
  }

  /** Whether the pod's gate is the one that we inject. */
  injected(pod: Pod): Result<void, InjectionFault | SettingsFault> {
    const known = this.#injected.get(pod);
    if (known !== undefined) return known;
    const checked = this.#template.ok ? checkInjection(pod, this.#template.value) : this.#template;
    this.#injected.set(pod, checked);
    return checked;
  }

  /** In the order of their names. */
  policiesIn(namespace: string): readonly StoredPolicy[] {
    return this.#found.policies.get(namespace) ?? [];
  }

  accessesIn(namespace: string): readonly StoredAccess[] {
    return this.#found.accesses.get(namespace) ?? [];
  }

  get #found(): ByNamespace {
    this.#byNamespace ??= this.#sort();
    return this.#byNamespace;
  }

  #sort(): ByNamespace {
    const policies = this.policies.toSorted((one, other) => (one.key < other.key ? -1 : 1));
    const isInvalid = (policy: StoredPolicy): boolean => !policy.resource.ok || this.policyFaults(policy).length > 0;
    return {
      policies: Map.groupBy(policies, inNamespace),
      invalid: Map.groupBy(policies.filter(isInvalid), inNamespace),
      accesses: Map.groupBy(this.accesses, inNamespace),
    };
  }

  /** What the compiler says of a Policy by itself; empty for one that cannot be read, which `resource` says. */
  policyFaults(policy: StoredPolicy): readonly Fault[] {
    const known = this.#policyFaults.get(policy);
    if (known !== undefined || !policy.resource.ok) return known ?? [];
    const faults = policyFaults(policy.resource.value, this.settings.operatorNamespace);
    this.#policyFaults.set(policy, faults);
    return faults;
  }

  /** Policies of a namespace that do not compile and speak for the Target: what they withhold is not known. */
  invalidPolicies(namespace: string, target: string): readonly string[] {
    const invalid = this.#found.invalid.get(namespace) ?? [];
    return invalid.filter((policy) => speaksFor(policy, target)).map(({ key }) => key);
  }

  /** Policies beside the agents of a namespace, and of the whole cluster, that do not compile and speak for the Target. */
  invalidPoliciesOf(agents: string, target: string): readonly string[] {
    const own = new Set([agents, this.settings.operatorNamespace]);
    const owner = this.target(target)?.namespace;
    // The Target's own are in its standing.
    if (owner !== undefined) own.delete(owner);
    return [...own].flatMap((namespace) => this.invalidPolicies(namespace, target));
  }

  standing(target: string): TargetStanding | undefined {
    this.#standings ??= this.#judgeTargets();
    return this.#standings.get(target);
  }

  /** Why agents may run in the namespace; undefined when none do. */
  agentsIn(namespace: string): string | undefined {
    if (this.isLabelled(namespace))
      return `Every pod of the namespace ${namespace} is an agent's: it is labelled ${INJECTION_LABEL}.`;
    const [access] = this.accessesIn(namespace);
    return access === undefined ? undefined : `AgentAccess ${access.key} says that agents run in ${namespace}.`;
  }

  /** For each Target that comes too late, the older one with the same host and port that would be Accepted itself. */
  #rivals(): ReadonlyMap<string, string> {
    const first = new Map<string, string>();
    const rivals = new Map<string, string>();
    for (const { key, namespace, resource } of this.targets.toSorted(byClaim)) {
      if (!resource.ok || this.agentsIn(namespace) !== undefined) continue;
      const place = `${resource.value.spec.host}:${resource.value.spec.port}`;
      const before = first.get(place);
      if (before === undefined) first.set(place, key);
      else rivals.set(key, before);
    }
    return rivals;
  }

  #judgeTargets(): ReadonlyMap<string, TargetStanding> {
    const rivals = this.#rivals();
    return new Map(
      this.targets.map((target) => {
        const facts = { rival: rivals.get(target.key), agentsHere: this.agentsIn(target.namespace) };
        return [
          target.key,
          {
            target,
            accepted: judgeAcceptance(target, facts),
            ...this.#secretsOf(target),
            invalidPolicies: this.invalidPolicies(target.namespace, target.key),
          },
        ];
      }),
    );
  }

  #secretsOf({ namespace, resource }: StoredTarget): Pick<TargetStanding, 'login' | 'authorities'> {
    if (!resource.ok) {
      const fault = { code: 'NotKnownYet', message: 'The Target cannot be read.' } as const;
      return { login: { ok: false, fault }, authorities: { ok: false, fault } };
    }
    const { spec } = resource.value;
    const secrets = this.indexes.secretsIn(namespace);
    const configMaps = this.indexes.configMapsIn(namespace);
    return {
      login: readLogin(spec, namespace, secrets && ((name) => secrets.get(`${namespace}/${name}`))),
      authorities: readAuthorities(spec.tls?.caCertificateRefs ?? [], ({ kind, name, key }) => {
        const place = `${namespace}/${name}`;
        if (kind === 'ConfigMap') return configMaps === undefined ? null : configMaps.get(place)?.data?.[key];
        if (secrets === undefined) return null;
        const text = secrets.get(place)?.data?.[key];
        return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
      }),
    };
  }
}

/** Who has a host and port: the older one. Of two made in the same second (more is not known of them) the one that has it already. */
function byClaim(one: StoredTarget, other: StoredTarget): number {
  return one.createdMs - other.createdMs || Number(isAccepted(other)) - Number(isAccepted(one)) || byAge(one, other);
}

function isAccepted({ object }: StoredTarget): boolean {
  const { conditions } = { conditions: [], ...Object(object['status']) };
  return Array.isArray(conditions) && conditions.some(({ type, status }) => type === 'Accepted' && status === 'True');
}

/** Whether a Policy may speak for the Target, within its scope. One that cannot be read may speak for anything. */
export function speaksFor({ resource, namespace }: StoredPolicy, target: string): boolean {
  const refs: NonNullable<PolicySpec['selector']>['targetRefs'] = resource.ok
    ? (resource.value.spec.selector?.targetRefs ?? [])
    : [];
  return refs.length === 0 || refs.some((ref) => `${ref.namespace ?? namespace}/${ref.name}` === target);
}

function inNamespace({ namespace }: { readonly namespace: string }): string {
  return namespace;
}

function readAll<R extends Target | AgentAccess | Policy>(
  index: ObjectIndex<ApiObject>,
  reader: { read(object: ApiObject): StoredResource<R> },
): readonly StoredResource<R>[] {
  return index.all.map((object) => reader.read(object));
}
