import { type ApprovalRequest, assertNever } from '@sidegate/crds';
import {
  type ApprovalState,
  type ApprovalVote,
  advanceApproval,
  type HeldCommand,
  pendingApproval,
} from '@sidegate/policy';
import type { ApproverNames } from '../approvals/approver-names.ts';
import type { Verdict } from '../kube/conditions.ts';

/** What people, time or the gate made of a request. Only `Approved` lets the command pass. */
export type Decided = 'Waiting' | 'Approved' | 'Denied' | 'Expired' | 'Withdrawn';

/** What the gate that holds the command says of it. */
export type GateWord =
  | { readonly kind: 'Waits' }
  /** It is not connected; commands wait on. */
  | { readonly kind: 'Silent' }
  | { readonly kind: 'Ended'; readonly as: 'Approved' | 'Refused' | 'Expired' | 'Cancelled'; readonly reason: string }
  /** It knows nothing of the command any more, or is gone itself. */
  | { readonly kind: 'Lost'; readonly reason: string };

export interface ApprovalFacts {
  readonly nowMs: number;
  readonly names: ApproverNames;
  readonly word: GateWord;
}

export interface ApprovalStanding {
  readonly decided: Decided;
  /** Decided and acted upon: nothing of it changes any more. */
  readonly finished: boolean;
  /** Whose word counted. */
  readonly votes: readonly ApprovalVote[];
  readonly verdicts: readonly Verdict[];
}

const SETTLED: readonly string[] = ['Approved', 'Denied', 'Expired', 'Withdrawn'] satisfies Decided[];
/** How long after its time a request that was approved waits for its gate's word, in milliseconds. */
const GRACE_MS = 60_000;

/**
 * Who decided, from the decisions that admission let in, each judged again as the gate will judge it. One denial is enough to refuse.
 * Only what is seen before the expiry counts, whatever time a decision claims for itself; an expiry that cannot be read is over. What is settled
 * stays so: the condition that says it is written by the operator alone.
 */
export function judgeApprovalRequest(
  request: ApprovalRequest,
  { nowMs, names, word }: ApprovalFacts,
): ApprovalStanding {
  const expiresAtMs = Date.parse(request.spec.expiresAt) || 0;
  const settled = settledOf(request);
  // What counted before its time was over counts on.
  const atMs = settled === undefined ? nowMs : Math.min(nowMs, expiresAtMs - 1);
  const { state, passedOver } = count(request, names, atMs, expiresAtMs);
  const decided = settled ?? decidedBy(state, word);
  const { finished, verdict } = ready(request, { decided, state, word, nowMs, expiresAtMs, passedOver });
  const message = settled === undefined || settled === decided ? describe(decided, state, passedOver) : '';
  return {
    decided,
    finished,
    votes: state.votes,
    verdicts: [
      verdict,
      { type: 'Decided', status: decided === 'Waiting' ? 'False' : 'True', reason: decided, message },
    ],
  };
}

function settledOf({ status }: ApprovalRequest): Decided | undefined {
  const said = status?.conditions?.find(({ type, status: holds }) => type === 'Decided' && holds === 'True');
  return said !== undefined && SETTLED.includes(said.reason) ? (said.reason as Decided) : undefined;
}

function count(
  { metadata, spec, status }: ApprovalRequest,
  names: ApproverNames,
  nowMs: number,
  expiresAtMs: number,
): { readonly state: ApprovalState; readonly passedOver: readonly string[] } {
  const { issuer, subject, source } = spec.identity.verified;
  const held: HeldCommand = {
    id: metadata.name,
    commandSha256: spec.command.sha256,
    identity: { issuer, subject },
    session: spec.session.id,
    rule: { policy: spec.policyRef, rule: spec.rule },
    terms: spec.approval,
    policyVersion: '',
    createdAtMs: 0,
    expiresAtMs,
  };
  const passedOver: string[] = [];
  let state = pendingApproval(held);
  const decisions = Object.entries(status?.decisions ?? {}).toSorted(
    ([one, { action }], [other, { action: another }]) =>
      action === another ? (one < other ? -1 : 1) : action === 'Deny' ? -1 : 1,
  );
  for (const [user, { action, reason = '', groups = [] }] of decisions) {
    const next = advanceApproval(state, {
      kind: 'Vote',
      by: { user, subject: names.subjectOf(user, source), groups },
      verdict: action === 'Deny' ? 'Refuse' : 'Approve',
      reason,
      atMs: nowMs,
    });
    if (next.ok) state = next.value;
    else if (next.fault.code !== 'Ended') passedOver.push(next.fault.message);
  }
  const later = advanceApproval(state, { kind: 'Tick', atMs: nowMs });
  return { state: later.ok ? later.value : state, passedOver };
}

function decidedBy(state: ApprovalState, word: GateWord): Decided {
  switch (state.kind) {
    case 'Approved':
      return 'Approved';
    case 'Refused':
      return 'Denied';
    case 'Expired':
      return 'Expired';
    case 'Cancelled':
      return 'Withdrawn';
    case 'Pending':
      if (word.kind === 'Ended') return word.as === 'Expired' ? 'Expired' : 'Withdrawn';
      return word.kind === 'Lost' ? 'Withdrawn' : 'Waiting';
    default:
      return assertNever(state);
  }
}

interface ReadyFacts {
  readonly decided: Decided;
  readonly state: ApprovalState;
  readonly word: GateWord;
  readonly nowMs: number;
  readonly expiresAtMs: number;
  readonly passedOver: readonly string[];
}

function ready(
  { spec }: ApprovalRequest,
  { decided, state, word, nowMs, expiresAtMs, passedOver }: ReadyFacts,
): { readonly finished: boolean; readonly verdict: Verdict } {
  const said = (status: 'True' | 'False', reason: string, message: string) => ({
    finished: status === 'True',
    verdict: { type: 'Ready', status, reason, message },
  });
  switch (decided) {
    case 'Waiting': {
      const needed = (spec.approval.count ?? 1) - state.votes.length;
      const missing = `${needed} more ${needed === 1 ? 'approval is' : 'approvals are'} needed until ${spec.expiresAt}.`;
      return said('False', decided, [missing, ...passedOver].join(' '));
    }
    case 'Approved': {
      const by = describe(decided, state, []);
      if (word.kind === 'Ended' && word.as !== 'Approved')
        return said('True', word.as === 'Expired' ? 'Expired' : 'Withdrawn', `${by} It came too late. ${word.reason}`);
      if (word.kind === 'Lost') return said('True', 'Withdrawn', `${by} ${word.reason}`);
      if (word.kind === 'Ended' || nowMs >= expiresAtMs + GRACE_MS) return said('True', decided, by);
      return said('False', 'TellingGate', `${by} The gate is being told.`);
    }
    case 'Denied':
    case 'Expired':
      return said('True', decided, describe(decided, state, passedOver));
    case 'Withdrawn':
      return said('True', decided, word.kind === 'Ended' || word.kind === 'Lost' ? word.reason : 'It was withdrawn.');
    default:
      return assertNever(decided);
  }
}

function describe(decided: Decided, state: ApprovalState, passedOver: readonly string[]): string {
  const users = (verdict: ApprovalVote['verdict']): string =>
    state.votes.flatMap((vote) => (vote.verdict === verdict ? [vote.by.user] : [])).join(', ');
  switch (decided) {
    case 'Waiting':
      return ['Nobody decided yet, or not enough people.', ...passedOver].join(' ');
    case 'Approved':
      return `Approved by ${users('Approve')}.`;
    case 'Denied':
      return `Denied by ${users('Refuse')}.`;
    case 'Expired':
      return ['Nobody decided in time, so it is refused.', ...passedOver].join(' ');
    case 'Withdrawn':
      return 'The command waits no more.';
    default:
      return assertNever(decided);
  }
}
