import { type AgentAccess, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Claims, Identity, RuleSet, VerifiedIdentity } from '@sidegate/policy';
import type { Credential, Refusal } from '../protocols/protocol.ts';
import type { Admission, TurnedAway } from './surroundings.ts';

type Name = { readonly namespace: string; readonly name: string };

export interface AdmissionRequest {
  readonly target: Name;
  readonly access: AgentAccess;
  /** The token: from the connection, or read from the workload's file. */
  readonly token: Result<string, Fault>;
  readonly claims: Claims;
}

export interface AdmissionJudges {
  verify(
    token: string,
    source: 'Token' | 'Workload',
    issuers: readonly string[] | undefined,
  ): Promise<Result<VerifiedIdentity, Fault>>;
  /** Asked after the token was verified, so that what holds now counts, not what held when the connection came. */
  rules(): RuleSet;
  credential(target: Name): Credential | undefined;
}

function turnAway(refusal: Refusal, identity?: Identity): { readonly ok: false; readonly fault: TurnedAway } {
  return fail({ refusal, identity });
}

function unauthenticated(fault: Fault): { readonly ok: false; readonly fault: TurnedAway } {
  return turnAway({ kind: 'Unauthenticated', rule: 'identity', reason: fault.message, hint: fault.mend ?? '' });
}

/** Who asks, may they open this target, and with which rules and credential. Fails closed at each step. */
export async function admit(
  { target, access, token, claims }: AdmissionRequest,
  judges: AdmissionJudges,
): Promise<Result<Admission, TurnedAway>> {
  if (!token.ok) return unauthenticated(token.fault);
  const { source, issuers } = access.spec.identity;
  const verified = await judges.verify(token.value, source, issuers);
  if (!verified.ok) return unauthenticated(verified.fault);
  const identity: Identity = { verified: verified.value, claimed: claims };
  const name = { namespace: access.metadata.namespace ?? 'default', name: access.metadata.name };
  const rules = judges.rules().openSession({ target, access: name, identity });
  if (!rules.ok) {
    const { code, message, mend } = rules.fault;
    return turnAway({ kind: 'NotAdmitted', rule: code, reason: message, hint: mend ?? '' }, identity);
  }
  const credential = judges.credential(target);
  if (credential === undefined) {
    const reason = `Target ${target.namespace}/${target.name} has no credential that may be sent to its host.`;
    return turnAway(
      {
        kind: 'NotAdmitted',
        rule: 'credential',
        reason,
        hint: 'Ask the owner of the target to name its host in the Secret.',
      },
      identity,
    );
  }
  return ok({ identity, rules: rules.value, credential });
}
