import { type ClusterState, speaksFor } from './cluster-state.ts';
import type { GateBoard } from './control/gate-board.ts';
import type { GateBundle, GateBundles } from './gate-bundle.ts';
import type { GateFacts } from './judging/agent-access.ts';
import { isLive, type Pod } from './kinds.ts';
import { selects } from './release.ts';
import type { StoredAccess, StoredPolicy } from './stored-resource.ts';

/** How many gates a Policy concerns, and how many hold it. */
export interface PolicyTally {
  readonly gates: number;
  readonly programmed: number;
}

const REFUSALS_MAX = 5;

/** Counts gates by what they last said. */
export class GateTally {
  readonly #state: ClusterState;
  readonly #bundles: GateBundles;
  readonly #board: GateBoard;

  constructor(state: ClusterState, bundles: GateBundles, board: GateBoard) {
    this.#state = state;
    this.#bundles = bundles;
    this.#board = board;
  }

  ofAccess(access: StoredAccess): GateFacts {
    const pods = this.#podsIn(access.namespace).filter((pod) => selects(access, pod));
    const gated = pods.filter((pod) => this.#state.injected(pod).ok);
    const refusals = new Set<string>();
    const overlapped = new Set<string>();
    const tooLarge = new Set<string>();
    const blocked: string[] = [];
    let [programmed, connected, recording] = [0, 0, 0];
    for (const pod of gated) {
      const bundle = this.#bundles.bundleFor(pod);
      const gate = this.#board.get(pod.metadata.uid);
      if (gate !== undefined) connected += 1;
      if (gate?.recording === true) recording += 1;
      if (bundle.kind !== 'Bundle') continue;
      const own = new Set(hostsOf(bundle, access));
      for (const place of gate?.blocked ?? []) if (own.has(place)) blocked.push(`${place} in pod ${pod.metadata.name}`);
      const { version } = bundle.content;
      if (gate?.version === version) programmed += 1;
      if (gate?.refusal?.version === version) for (const message of gate.refusal.messages) refusals.add(message);
      for (const { access: key, target, fault } of bundle.refusals) {
        if (key !== access.key) continue;
        if (fault.code === 'Overlapped') overlapped.add(target);
        if (fault.code === 'TooLarge') tooLarge.add(fault.message);
      }
    }
    return {
      gates: gated.length,
      ungated: pods.length - gated.length,
      programmed,
      connected,
      recording,
      refusals: [...refusals].slice(0, REFUSALS_MAX),
      blocked: blocked.slice(0, REFUSALS_MAX),
      overlapped: [...overlapped],
      tooLarge: [...tooLarge].slice(0, REFUSALS_MAX),
    };
  }

  ofPolicy(policy: StoredPolicy): PolicyTally {
    let [gates, programmed] = [0, 0];
    for (const pod of this.#allPods()) {
      if (!this.#state.injected(pod).ok) continue;
      const bundle = this.#bundles.bundleFor(pod);
      if (bundle.kind !== 'Bundle') continue;
      const { resources, version } = bundle.content;
      const held = resources.policies.some(
        ({ metadata }) => metadata.name === policy.name && metadata.namespace === policy.namespace,
      );
      const withheld = bundle.refusals.some(
        ({ target, fault }) => fault.code === 'PolicyInvalid' && speaksFor(policy, target),
      );
      if (!held && !withheld) continue;
      gates += 1;
      if (held && this.#board.get(pod.metadata.uid)?.version === version) programmed += 1;
    }
    return { gates, programmed };
  }

  #podsIn(namespace: string): readonly Pod[] {
    return (this.#state.indexes.podsIn(namespace)?.all ?? []).filter(isLive);
  }

  #allPods(): readonly Pod[] {
    return this.#state.indexes.namespaces.all.flatMap(({ metadata }) =>
      this.#state.isLabelled(metadata.name) ? this.#podsIn(metadata.name) : [],
    );
  }
}

/** HOST:PORT of the Targets that an AgentAccess opens in a pod. */
function hostsOf({ content }: GateBundle, { namespace, name }: StoredAccess): readonly string[] {
  const opened = content.doors.filter(({ access }) => access.namespace === namespace && access.name === name);
  return content.resources.targets.flatMap(({ metadata, spec }) =>
    opened.some(({ target }) => target.namespace === metadata.namespace && target.name === metadata.name)
      ? [`${spec.host}:${spec.port}`]
      : [],
  );
}
