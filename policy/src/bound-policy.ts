import type { CompiledPolicy } from './compiled-policy.ts';
import type { VerifiedIdentity } from './identity.ts';
import type { ObjectName } from './session-rules.ts';

/** For whom a policy speaks in a session, from the namespace it stands in. One namespace may hold several. */
export type Voice = 'Target' | 'AgentAccess' | 'Operator';

/** A policy that applies to a session. */
export interface BoundPolicy {
  readonly policy: CompiledPolicy;
  readonly voices: readonly Voice[];
  /**
   * False when it selects by group and nobody knows this identity's groups: it then restricts, but gives nothing. Otherwise leaving
   * groups out of a token would win permissions.
   */
  readonly certain: boolean;
}

/** A policy that does not apply, and why. */
export interface UnboundPolicy {
  readonly policy: CompiledPolicy;
  readonly why: string;
}

export interface Binding {
  readonly bound: readonly BoundPolicy[];
  readonly unbound: readonly UnboundPolicy[];
}

export interface BindingQuestion {
  readonly target: ObjectName;
  readonly access: ObjectName;
  readonly identity: VerifiedIdentity;
  readonly operatorNamespace: string;
}

/** Which policies apply to a session. A selector that names groups and subjects means whoever is in either. */
export function bindPolicies(policies: readonly CompiledPolicy[], question: BindingQuestion): Binding {
  const bound: BoundPolicy[] = [];
  const unbound: UnboundPolicy[] = [];
  for (const policy of policies) {
    const answer = bindPolicy(policy, question);
    if (typeof answer === 'string') unbound.push({ policy, why: answer });
    else bound.push(answer);
  }
  return { bound, unbound };
}

function bindPolicy(policy: CompiledPolicy, question: BindingQuestion): BoundPolicy | string {
  const { target, access, identity, operatorNamespace } = question;
  const { namespace } = policy.id;
  const voices: Voice[] = [];
  if (namespace === target.namespace) voices.push('Target');
  if (namespace === access.namespace) voices.push('AgentAccess');
  if (namespace === operatorNamespace) voices.push('Operator');
  if (voices.length === 0) return `namespace ${namespace} holds neither the Target nor the AgentAccess`;
  const { targets, who } = policy;
  if (targets?.some((ref) => ref.namespace === target.namespace && ref.name === target.name) === false) {
    return `its selector does not name Target ${target.namespace}/${target.name}`;
  }
  if (who === undefined || who.subjects.includes(identity.subject)) return { policy, voices, certain: true };
  if (who.groups.length > 0 && identity.groups === undefined) return { policy, voices, certain: false };
  if (who.groups.some((group) => identity.groups?.includes(group))) return { policy, voices, certain: true };
  return `its selector does not take in ${identity.subject}`;
}
