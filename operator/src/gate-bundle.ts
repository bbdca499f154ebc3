import { createHmac } from 'node:crypto';
import {
  AGENT_ANNOTATION,
  type Door,
  ON_BEHALF_OF_ANNOTATION,
  type PodClaims,
  RUN_ANNOTATION,
  SNAPSHOT_BYTES_MAX,
  type Snapshot,
  TASK_ANNOTATION,
  type TargetSecrets,
} from '@sidegate/crds';
import { type ClusterState, speaksFor } from './cluster-state.ts';
import type { Pod } from './kinds.ts';
import { loopbackAddresses } from './loopback.ts';
import { judgeRelease, type Release, type ReleaseFault, selects } from './release.ts';
import { byAge, type StoredAccess } from './stored-resource.ts';

/** A snapshot before it is sent: everything but the nonce. Equal content has an equal version. */
export type BundleContent = Omit<Snapshot, 'nonce'>;

/** What one gate gets, and why it does not get more. */
export interface GateBundle {
  readonly kind: 'Bundle';
  readonly content: BundleContent;
  readonly refusals: readonly RefusedDoor[];
}

/** Something that decides what the gate gets is not read yet: it keeps what it has. */
export interface Withheld {
  readonly kind: 'Withheld';
  readonly why: string;
}

export interface RefusedDoor {
  readonly access: string;
  readonly target: string;
  readonly fault: ReleaseFault | { readonly code: 'Overlapped' | 'TooLarge'; readonly message: string };
}

interface OpenedDoor {
  readonly access: StoredAccess;
  readonly key: string;
  readonly release: Release;
}

/** Assembles what gates get. Gates of pods that are alike share one bundle. */
export class GateBundles {
  readonly #state: ClusterState;
  #revision = -1;
  #bundles = new Map<string, GateBundle | Withheld>();
  #byPod = new WeakMap<Pod, GateBundle | Withheld>();

  constructor(state: ClusterState) {
    this.#state = state;
  }

  /** The whole snapshot for the gate in a pod: only its Targets, each under all conditions of a release. */
  bundleFor(pod: Pod): GateBundle | Withheld {
    if (this.#revision !== this.#state.revision) {
      this.#revision = this.#state.revision;
      this.#bundles = new Map();
      this.#byPod = new WeakMap();
    }
    const found = this.#byPod.get(pod) ?? this.#find(pod);
    this.#byPod.set(pod, found);
    return found;
  }

  #find(pod: Pod): GateBundle | Withheld {
    const { namespace = 'default' } = pod.metadata;
    const accesses = this.#state
      .accessesIn(namespace)
      .filter((access) => selects(access, pod))
      .toSorted(byAge);
    const injected = this.#state.injected(pod);
    const group = JSON.stringify([
      namespace,
      pod.spec.serviceAccountName,
      pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed',
      injected.ok ? '' : injected.fault.code,
      accesses.map(({ key }) => key),
      claimsOf(pod),
    ]);
    const known = this.#bundles.get(group);
    if (known !== undefined) return known;
    const bundle = this.#assemble(pod, accesses);
    this.#bundles.set(group, bundle);
    return bundle;
  }

  #assemble(pod: Pod, accesses: readonly StoredAccess[]): GateBundle | Withheld {
    const opened = new Map<string, OpenedDoor>();
    const refusals: RefusedDoor[] = [];
    for (const access of accesses) {
      for (const target of targetsOf(access)) {
        const release = this.#judge(pod, access, target);
        if (!release.ok && release.fault.code === 'NotKnownYet')
          return { kind: 'Withheld', why: release.fault.message };
        const older = opened.get(target);
        if (!release.ok) refusals.push({ access: access.key, target, fault: release.fault });
        else if (older === undefined) opened.set(target, { access, key: target, release: release.value });
        else {
          const message = `AgentAccess ${older.access.key} opens it in the same pod and is older.`;
          refusals.push({ access: access.key, target, fault: { code: 'Overlapped', message } });
        }
      }
    }
    return this.#bundle(pod, [...opened.values()], refusals);
  }

  /** A gate that refuses what it is sent goes on with what it has: of what is too large for it, it gets nothing instead. */
  #bundle(pod: Pod, opened: readonly OpenedDoor[], refusals: readonly RefusedDoor[]): GateBundle {
    const { content, bytes } = this.#content(pod, opened);
    if (bytes <= SNAPSHOT_BYTES_MAX) return { kind: 'Bundle', content, refusals };
    const message = `What a gate must know to open it takes ${bytes} bytes, and it reads no more than ${SNAPSHOT_BYTES_MAX}: there are too many Policies, or too long ones.`;
    const closed = opened.map(
      ({ access, key }): RefusedDoor => ({ access: access.key, target: key, fault: { code: 'TooLarge', message } }),
    );
    return { kind: 'Bundle', content: this.#content(pod, []).content, refusals: [...refusals, ...closed] };
  }

  #judge(pod: Pod, access: StoredAccess, target: string): ReturnType<typeof judgeRelease> {
    const state = this.#state;
    const standing = state.standing(target);
    return judgeRelease({
      pod,
      access,
      standing,
      injected: state.injected(pod),
      labels: state.labelsOf(access.namespace),
      invalidPolicies: state.invalidPoliciesOf(access.namespace, target),
    });
  }

  /** `bytes`: how large it is as it is sent. */
  #content(pod: Pod, opened: readonly OpenedDoor[]): { readonly content: BundleContent; readonly bytes: number } {
    const { operatorNamespace, maskKey, issuers } = this.#state.settings;
    const { namespace = 'default' } = pod.metadata;
    // By host, not by Target: one name has one address, also when several Targets stand behind its ports.
    const addresses = loopbackAddresses([...new Set(opened.map(hostOf))]);
    const claims = claimsOf(pod);
    const accesses = new Map(opened.map(({ access, release }) => [access.key, release.access]));
    const trusted = new Set([...accesses.values()].flatMap(({ spec }) => spec.identity.issuers ?? []));
    const whole: Omit<BundleContent, 'version'> = {
      resources: {
        targets: opened.map(({ release }) => release.target),
        accesses: [...accesses.values()],
        policies: this.#policiesFor(namespace, opened),
      },
      operatorNamespace,
      namespaceLabels: { [namespace]: this.#state.labelsOf(namespace) },
      maskKey,
      ...(Object.keys(claims).length === 0 ? {} : { claims }),
      issuers: issuers.filter(({ name }) => trusted.has(name)),
      secrets: opened.flatMap(({ release }): readonly TargetSecrets[] =>
        release.secrets === undefined ? [] : [release.secrets],
      ),
      doors: opened.map(({ access, release }): Door => {
        const { name, namespace: owner = 'default' } = release.target.metadata;
        return {
          access: { namespace: access.namespace, name: access.name },
          target: { namespace: owner, name },
          listen: { host: addresses.get(hostOf({ release })) ?? '127.64.0.1', port: release.target.spec.port },
        };
      }),
    };
    const text = JSON.stringify(whole);
    const version = versionOf(text, maskKey);
    return { content: { version, ...whole }, bytes: Buffer.byteLength(text) + JSON.stringify({ version }).length - 1 };
  }

  #policiesFor(namespace: string, opened: readonly OpenedDoor[]): BundleContent['resources']['policies'] {
    const { operatorNamespace } = this.#state.settings;
    const concerned = new Set([namespace, operatorNamespace, ...opened.map(ownerOf)]);
    // In an order of their own, so that every replica gives the same content the same version.
    const policies = [...concerned]
      .flatMap((one) => this.#state.policiesIn(one))
      .toSorted((one, other) => (one.key < other.key ? -1 : 1));
    return policies.flatMap((policy) => {
      const speaks = opened.some(
        (door) =>
          [ownerOf(door), namespace, operatorNamespace].includes(policy.namespace) && speaksFor(policy, door.key),
      );
      return speaks && policy.resource.ok ? [policy.resource.value] : [];
    });
  }
}

function ownerOf({ release }: Pick<OpenedDoor, 'release'>): string {
  return release.target.metadata.namespace ?? 'default';
}

/** The Targets that an AgentAccess names, by `namespace/name`, each once. */
export function targetsOf({ resource, namespace }: StoredAccess): readonly string[] {
  if (!resource.ok) return [];
  return [...new Set(resource.value.spec.targetRefs.map((ref) => `${ref.namespace ?? namespace}/${ref.name}`))];
}

function hostOf({ release }: Pick<OpenedDoor, 'release'>): string {
  return release.target.spec.host.toLowerCase();
}

/** A claim is a name, not a document. */
const CLAIM_CHARACTERS_MAX = 256;

/** What the pod's annotations say of its agent; what is too long is cut. */
function claimsOf({ metadata }: Pod): PodClaims {
  const found = Object.entries(CLAIM_ANNOTATIONS).flatMap(([claim, annotation]): [string, string][] => {
    const value = metadata.annotations?.[annotation];
    return value === undefined || value === '' ? [] : [[claim, value.slice(0, CLAIM_CHARACTERS_MAX)]];
  });
  return Object.fromEntries<string>(found);
}

const CLAIM_ANNOTATIONS: Readonly<Record<keyof PodClaims, string>> = {
  agent: AGENT_ANNOTATION,
  run: RUN_ANNOTATION,
  task: TASK_ANNOTATION,
  onBehalfOf: ON_BEHALF_OF_ANNOTATION,
};

/** Keyed, because the content holds secrets and the version is shown. */
function versionOf(text: string, maskKey: string): string {
  return createHmac('sha256', Buffer.from(maskKey, 'hex')).update(text).digest('hex').slice(0, 16);
}
