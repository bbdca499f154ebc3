import { assertNever, type Fault, fail, ok, type Result } from '@sidegate/crds';
import { type RuleReference, ruleName } from '../decision.ts';
import type { Requester } from './approval-request.ts';
import type { ApprovalState } from './approval-state.ts';

/** A command that wants to pass by an approval. */
export interface ApprovalUse {
  readonly sha256: string;
  readonly identity: Requester;
  readonly session: string;
  readonly rule: RuleReference;
  readonly policyVersion: string;
  readonly atMs: number;
}

export type CoverageFault = Fault<
  'NotApproved' | 'OtherCommand' | 'OtherIdentity' | 'OtherSession' | 'OtherRule' | 'OtherPolicy' | 'Used' | 'Over'
>;

type Approved = Extract<ApprovalState, { kind: 'Approved' }>;

/**
 * Whether an approval lets a command through. It always speaks for the very bytes that the approvers saw, for who asked, for the rule that asked and
 * for the bundle it was asked under. What `grant.scope` widens is how often: Command once, until the request expires;
 * Session any number of times in the session that asked; Window any number of times for `windowSeconds` after the approval.
 */
export function covers(state: ApprovalState, use: ApprovalUse): Result<Approved, CoverageFault> {
  const { request } = state;
  if (state.kind !== 'Approved') return refuse('NotApproved', `The request is ${state.kind.toLowerCase()}.`);
  if (use.sha256 !== request.commandSha256) return refuse('OtherCommand', 'The approval is for another command.');
  if (use.identity.subject !== request.identity.subject || use.identity.issuer !== request.identity.issuer) {
    return refuse('OtherIdentity', 'The approval is for another identity.');
  }
  if (ruleName(use.rule) !== ruleName(request.rule)) return refuse('OtherRule', 'The approval answers another rule.');
  if (use.policyVersion !== request.policyVersion)
    return refuse('OtherPolicy', 'The policy changed since it was given.');
  if (use.atMs >= (grantEndsMs(state) ?? Number.POSITIVE_INFINITY))
    return refuse('Over', 'The time of the approval is over.');
  const scope = request.terms.grant?.scope ?? 'Command';
  switch (scope) {
    case 'Command':
      return state.used === 0 ? ok(state) : refuse('Used', 'The approval was for one command, and that has passed.');
    case 'Session':
      return use.session === request.session
        ? ok(state)
        : refuse('OtherSession', 'The approval is for another session.');
    case 'Window':
      return ok(state);
    default:
      return assertNever(scope);
  }
}

/** Takes one use of an approval that covers the command: the state to keep from then on. */
export function useApproval(state: ApprovalState, use: ApprovalUse): Result<ApprovalState, CoverageFault> {
  const covered = covers(state, use);
  return covered.ok ? ok({ ...covered.value, used: covered.value.used + 1 }) : covered;
}

/** When an approval stops to hold; undefined: with its session. */
export function grantEndsMs(state: Approved): number | undefined {
  const grant = state.request.terms.grant ?? { scope: 'Command' };
  switch (grant.scope) {
    case 'Command':
      return state.request.expiresAtMs;
    case 'Window':
      return state.approvedAtMs + (grant.windowSeconds ?? 0) * 1000;
    case 'Session':
      return undefined;
    default:
      return assertNever(grant.scope);
  }
}

function refuse(code: CoverageFault['code'], message: string): { readonly ok: false; readonly fault: CoverageFault } {
  return fail({ code, message });
}
