import { type AgentAccess, type Fault, fail, ok, type Result, type WorkloadIdentity } from '@sidegate/crds';
import type { Claims, Identity, RuleSet, VerifiedIdentity } from '@sidegate/policy';
import type { Credential, Refusal } from '../protocols/protocol.ts';
import type { Admission, TurnedAway } from './surroundings.ts';

type Name = { readonly namespace: string; readonly name: string };

/** How an identity is proved: by a token that the gate verifies, or by the API server, which attested the pod to the operator. */
export type Proof =
  /** From the connection, or read from the workload's file. */
  | {
      readonly kind: 'Token';
      readonly token: Result<string, Fault>;
      /** Where the token was presented, when the API server attested that. */
      readonly pod?: WorkloadIdentity['pod'];
    }
  | { readonly kind: 'Attested'; readonly workload: WorkloadIdentity };

export interface AdmissionRequest {
  readonly target: Name;
  readonly access: AgentAccess;
  readonly proof: Proof;
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
  /** Why the gate lets nobody in now; undefined when it does. */
  closed(): string | undefined;
}

/** What a gate that is closed says; nothing about the connection itself is wrong. */
export function closedRefusal(kind: 'NotAdmitted' | 'Terminated', reason: string): Refusal {
  return { kind, rule: 'gate-closed', reason, hint: 'Connect again when the gate hears from its operator.' };
}

function turnAway(refusal: Refusal, identity?: Identity): { readonly ok: false; readonly fault: TurnedAway } {
  return fail({ refusal, identity });
}

function unauthenticated(fault: Fault): { readonly ok: false; readonly fault: TurnedAway } {
  return turnAway({ kind: 'Unauthenticated', rule: 'identity', reason: fault.message, hint: fault.mend ?? '' });
}

/** Who asks, may they open this target, and with which rules and credential. Fails closed at each step. */
export async function admit(
  { target, access, proof, claims }: AdmissionRequest,
  judges: AdmissionJudges,
): Promise<Result<Admission, TurnedAway>> {
  const verified = await verify(proof, access, judges);
  if (!verified.ok) return unauthenticated(verified.fault);
  const identity: Identity = { verified: verified.value, claimed: claims };
  const closed = judges.closed();
  if (closed !== undefined) return turnAway(closedRefusal('NotAdmitted', closed), identity);
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

async function verify(
  proof: Proof,
  access: AgentAccess,
  judges: AdmissionJudges,
): Promise<Result<VerifiedIdentity, Fault>> {
  if (proof.kind === 'Attested') return ok(attestedIdentity(proof.workload));
  if (!proof.token.ok) return proof.token;
  const { source, issuers } = access.spec.identity;
  const verified = await judges.verify(proof.token.value, source, issuers);
  return verified.ok && proof.pod !== undefined ? ok({ ...verified.value, pod: proof.pod }) : verified;
}

/** The pod's own identity: it holds as long as the pod, which is as long as this gate. */
function attestedIdentity({ issuer, subject, groups, pod }: WorkloadIdentity): VerifiedIdentity {
  return { source: 'Workload', issuer, subject, groups, expiresAtMs: Number.POSITIVE_INFINITY, pod };
}
