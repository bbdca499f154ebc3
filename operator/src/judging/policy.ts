import { describeFault, type Fault } from '@sidegate/crds';
import type { Verdict } from '../kube/conditions.ts';
import type { StoredPolicy } from '../stored-resource.ts';
import { listed, withSummary } from './summary.ts';
import { describeFaults } from './target.ts';

export interface PolicyFacts {
  /** What the compiler says of it. */
  readonly faults: readonly Fault[];
  /** Targets that its selector names and that are not there, by `namespace/name`. */
  readonly missingTargets: readonly string[];
  /** Gates that open a Target it speaks for. */
  readonly gates: number;
  /** Those that hold the current version. */
  readonly programmed: number;
}

/** Ready, Accepted and Enforced of a Policy. */
export function judgePolicy(policy: StoredPolicy, facts: PolicyFacts): readonly Verdict[] {
  const accepted = judgeAcceptance(policy, facts);
  const observes = policy.resource.ok && policy.resource.value.spec.mode === 'Observe';
  const fine = observes ? 'It records what it would do; nothing changes.' : 'It binds every command that it speaks of.';
  return withSummary([accepted, judgeEnforced(accepted, observes, facts)], fine);
}

function judgeAcceptance({ resource }: StoredPolicy, { faults, missingTargets }: PolicyFacts): Verdict {
  const type = 'Accepted';
  if (!resource.ok) return { type, status: 'False', reason: 'InvalidSpec', message: describeFaults(resource.fault) };
  const [first] = faults;
  if (first !== undefined)
    return { type, status: 'False', reason: first.code, message: listed(faults.map(describeFault)) };
  if (missingTargets.length > 0) {
    const message = `Its selector names what is not there: Target ${missingTargets.join(', ')}. Correct spec.selector.targetRefs.`;
    return { type, status: 'False', reason: 'TargetNotFound', message };
  }
  return { type, status: 'True', reason: 'Accepted', message: 'The Policy compiles.' };
}

function judgeEnforced(accepted: Verdict, observes: boolean, { faults, gates, programmed }: PolicyFacts): Verdict {
  const type = 'Enforced';
  if (accepted.status !== 'True' && (faults.length > 0 || accepted.reason === 'InvalidSpec')) {
    const message = 'It does not compile, so the Targets that it speaks for stay closed.';
    return { type, status: 'False', reason: 'NotAccepted', message };
  }
  const word = observes ? 'Observing' : 'Enforced';
  if (gates === 0) return { type, status: 'True', reason: 'NoGates', message: 'No gate opens what it speaks of.' };
  if (programmed === gates)
    return { type, status: 'True', reason: word, message: `All gates concerned hold it (${gates}).` };
  return { type, status: 'False', reason: 'Pending', message: `${programmed} of ${gates} gates concerned hold it.` };
}
