import { assertNever, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { HeldCommand } from './approval-request.ts';

/** Longest reason that an approver may give, in UTF-16 units. */
export const APPROVAL_REASON_LENGTH_MAX = 2000;

/** Who decides. `user` is the name that the deciding system knows; `subject` the token subject that the operator's configuration maps it to. */
export interface Approver {
  readonly user: string;
  /** Undefined when no mapping is known: then only a rule that names the user lets it decide. */
  readonly subject: string | undefined;
  readonly groups: readonly string[];
}

/** One approver's word. */
export interface ApprovalVote {
  readonly by: Approver;
  readonly verdict: 'Approve' | 'Refuse';
  readonly reason: string;
  readonly atMs: number;
}

/**
 * Where a held command stands. All but Pending are ends: nothing leads out of them, so that a record never changes its story. What an approval
 * still lets through is asked of `covers`.
 */
export type ApprovalState = { readonly request: HeldCommand; readonly votes: readonly ApprovalVote[] } & (
  | { readonly kind: 'Pending' }
  /** `used`: how many commands it has let through. */
  | { readonly kind: 'Approved'; readonly approvedAtMs: number; readonly used: number }
  | { readonly kind: 'Refused'; readonly endedAtMs: number }
  | { readonly kind: 'Expired'; readonly endedAtMs: number }
  | { readonly kind: 'Cancelled'; readonly endedAtMs: number; readonly reason: string }
);

export type ApprovalEvent =
  | ({ readonly kind: 'Vote' } & ApprovalVote)
  /** Time has passed. Early it changes nothing. */
  | { readonly kind: 'Tick'; readonly atMs: number }
  /** The agent gave up, or its session ended. */
  | { readonly kind: 'Cancel'; readonly reason: string; readonly atMs: number }
  /** Another bundle holds: what was asked under the old one is asked anew. */
  | { readonly kind: 'PolicyChanged'; readonly version: string; readonly atMs: number };

export type ApprovalFault = Fault<
  | 'SelfApproval'
  | 'NotApprover'
  | 'UnmappedApprover'
  /** The same person approved before. */
  | 'AlreadyVoted'
  /** It was decided, cancelled or expired before. */
  | 'Ended'
  | 'Expired'
  | 'ReasonTooLong'
>;

/** A held command that nobody has decided yet. */
export function pendingApproval(request: HeldCommand): ApprovalState {
  return { kind: 'Pending', request, votes: [] };
}

/** The state after one event. A vote that does not count is a fault and changes nothing; every other event is taken in every state. */
export function advanceApproval(state: ApprovalState, event: ApprovalEvent): Result<ApprovalState, ApprovalFault> {
  switch (event.kind) {
    case 'Vote': {
      const fault = voteFault(state, event);
      return fault === undefined ? ok(count(state, event)) : fail(fault);
    }
    case 'Tick':
      return ok(
        event.atMs < state.request.expiresAtMs ? state : end(state, { kind: 'Expired', endedAtMs: event.atMs }),
      );
    case 'Cancel':
      return ok(end(state, { kind: 'Cancelled', endedAtMs: event.atMs, reason: event.reason }));
    case 'PolicyChanged':
      return ok(
        event.version === state.request.policyVersion
          ? state
          : end(state, { kind: 'Cancelled', endedAtMs: event.atMs, reason: 'The policy changed.' }),
      );
    default:
      return assertNever(event);
  }
}

/** How many different people must approve. */
export function approvalsNeeded(request: HeldCommand): number {
  return request.terms.count ?? 1;
}

type End =
  | { readonly kind: 'Expired'; readonly endedAtMs: number }
  | { readonly kind: 'Cancelled'; readonly endedAtMs: number; readonly reason: string };

function end(state: ApprovalState, how: End): ApprovalState {
  if (state.kind !== 'Pending') return state;
  return { request: state.request, votes: state.votes, ...how };
}

function count(state: ApprovalState, { by, verdict, reason, atMs }: ApprovalVote): ApprovalState {
  const { request } = state;
  const votes = [...state.votes, { by, verdict, reason, atMs }];
  if (verdict === 'Refuse') return { kind: 'Refused', request, votes, endedAtMs: atMs };
  if (votes.length < approvalsNeeded(request)) return { kind: 'Pending', request, votes };
  return { kind: 'Approved', request, votes, approvedAtMs: atMs, used: 0 };
}

/** Why a vote does not count. Whether it may be cast at all is asked before whether it comes in time, so that nobody learns more than their own part. */
function voteFault(state: ApprovalState, vote: ApprovalVote): ApprovalFault | undefined {
  const { request, votes } = state;
  const { by } = vote;
  if (isRequester(request, by)) {
    return {
      code: 'SelfApproval',
      message: `${by.user} asked for this and may not decide it.`,
      mend: 'Ask another approver.',
    };
  }
  const whoFault = approverFault(request, by);
  if (whoFault !== undefined) return whoFault;
  if (vote.reason.length > APPROVAL_REASON_LENGTH_MAX) {
    return { code: 'ReasonTooLong', message: `The reason is longer than ${APPROVAL_REASON_LENGTH_MAX} characters.` };
  }
  if (state.kind !== 'Pending') {
    return { code: 'Ended', message: `This request is ${state.kind.toLowerCase()} already.` };
  }
  if (vote.atMs >= request.expiresAtMs) return { code: 'Expired', message: 'The time to decide this request is over.' };
  if (vote.verdict === 'Approve' && votes.some((earlier) => isSamePerson(earlier.by, by))) {
    return {
      code: 'AlreadyVoted',
      message: `${by.user} approved this before.`,
      mend: 'Another approver must approve too.',
    };
  }
  return undefined;
}

/** By subject alone: an approver of another issuer who bears the same name is taken for the same. */
function isRequester(request: HeldCommand, by: Approver): boolean {
  return by.subject === request.identity.subject || by.user === request.identity.subject;
}

function approverFault(request: HeldCommand, by: Approver): ApprovalFault | undefined {
  const { groups = [], subjects = [] } = request.terms.approvers;
  if (subjects.includes(by.user)) return undefined;
  if (by.subject === undefined) {
    return {
      code: 'UnmappedApprover',
      message: `Nobody knows which identity ${by.user} has, so it cannot be told from who asked.`,
      mend: "Map the user to a token subject in the operator's configuration, or name it in approval.approvers.subjects.",
    };
  }
  if (subjects.includes(by.subject) || groups.some((group) => by.groups.includes(group))) return undefined;
  return {
    code: 'NotApprover',
    message: `${by.user} is no approver of this rule.`,
    mend: `Approvers are ${[...groups.map((group) => `group ${group}`), ...subjects].join(', ')}.`,
  };
}

/** True when they share any name: a user that stands for itself may be the subject that another user is mapped to. */
function isSamePerson(one: Approver, other: Approver): boolean {
  return [other.user, other.subject].some((name) => name !== undefined && (name === one.user || name === one.subject));
}
