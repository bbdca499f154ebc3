import type { ClusterState } from '../cluster-state.ts';
import { targetsOf } from '../gate-bundle.ts';
import type { GateTally } from '../gate-tally.ts';
import { judgeAgentAccess, type ReferenceFacts } from '../judging/agent-access.ts';
import { judgePolicy } from '../judging/policy.ts';
import { judgeTarget } from '../judging/target.ts';
import { judgeReference } from '../release.ts';
import type { StoredAccess } from '../stored-resource.ts';
import type { Judge } from './status-controller.ts';

/** Gathers what must be known of a Target and judges it. */
export function targetJudge(state: ClusterState): Judge {
  return {
    kind: 'Target',
    plural: 'targets',
    keys: () => state.targets.map(({ key }) => key),
    judge(key) {
      const standing = state.standing(key);
      if (standing === undefined) return undefined;
      const { target } = standing;
      return { object: target.object, generation: target.generation, verdicts: judgeTarget(target, standing) };
    },
  };
}

/** Gathers what must be known of an AgentAccess, its gates among it, and judges it. */
export function agentAccessJudge(state: ClusterState, tally: GateTally): Judge {
  return {
    kind: 'AgentAccess',
    plural: 'agentaccesses',
    keys: () => state.accesses.map(({ key }) => key),
    judge(key) {
      const access = state.access(key);
      if (access === undefined) return undefined;
      const gates = tally.ofAccess(access);
      const verdicts = judgeAgentAccess(access, {
        namespaceLabelled: state.isLabelled(access.namespace),
        references: referencesOf(state, access),
        unknownIssuers: unknownIssuers(state, access),
        gates,
      });
      const counts = { gates: gates.gates, programmedGates: gates.programmed };
      return { object: access.object, generation: access.generation, verdicts, counts };
    },
  };
}

/** Gathers what must be known of a Policy and judges it. */
export function policyJudge(state: ClusterState, tally: GateTally): Judge {
  return {
    kind: 'Policy',
    plural: 'policies',
    keys: () => state.policies.map(({ key }) => key),
    judge(key) {
      const policy = state.policy(key);
      if (policy === undefined) return undefined;
      const refs = policy.resource.ok ? (policy.resource.value.spec.selector?.targetRefs ?? []) : [];
      const named = refs.map((ref) => `${ref.namespace ?? policy.namespace}/${ref.name}`);
      const verdicts = judgePolicy(policy, {
        faults: state.policyFaults(policy),
        missingTargets: named.filter((target) => state.standing(target) === undefined),
        ...tally.ofPolicy(policy),
      });
      return { object: policy.object, generation: policy.generation, verdicts };
    },
  };
}

function referencesOf(state: ClusterState, access: StoredAccess): readonly ReferenceFacts[] {
  const labels = state.labelsOf(access.namespace);
  return targetsOf(access).map((target) => {
    const standing = state.standing(target);
    const invalidPolicies = state.invalidPoliciesOf(access.namespace, target);
    return { target, state: judgeReference({ access, standing, labels, invalidPolicies }) };
  });
}

function unknownIssuers(state: ClusterState, { resource }: StoredAccess): readonly string[] {
  const known = state.settings.issuers.map(({ name }) => name);
  const named = resource.ok ? (resource.value.spec.identity.issuers ?? []) : [];
  return named.filter((name) => !known.includes(name));
}
