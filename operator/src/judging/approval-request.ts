import { type ApprovalRequest, assertNever } from '@sidegate/crds';
import type { Verdict } from '../kube/conditions.ts';

/** What became of a held command. Only `Approved` lets it pass. */
export type ApprovalState = 'Waiting' | 'Approved' | 'Denied' | 'Expired';

export interface ApprovalOutcome {
  readonly state: ApprovalState;
  /** Whose word counted, by Kubernetes user name, in order. */
  readonly by: readonly string[];
}

export interface ApprovalFacts {
  readonly nowMs: number;
  /** The Kubernetes user that the requesting identity is, when the configuration says. Its own word never counts. */
  readonly requester: string | undefined;
}

const SETTLED: readonly string[] = ['Approved', 'Denied', 'Expired'] satisfies ApprovalState[];

/**
 * Who decided, from the decisions that admission let in. One denial is enough to refuse. Only what is judged before the expiry counts, whatever
 * time a decision claims for itself; an expiry that cannot be read is over. What is settled stays so: the condition that says it is written by
 * the operator alone.
 */
export function decideApproval(
  { spec, status }: ApprovalRequest,
  { nowMs, requester }: ApprovalFacts,
): ApprovalOutcome {
  const decisions = Object.entries(status?.decisions ?? {})
    .filter(([user]) => user !== requester)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  const usersWho = (action: 'Approve' | 'Deny'): readonly string[] =>
    decisions.flatMap(([user, decision]) => (decision.action === action ? [user] : []));
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const settled = ready?.status === 'True' ? ready.reason : '';
  const approved = usersWho('Approve');
  const denied = usersWho('Deny');
  if (settled === 'Approved') return { state: settled, by: approved };
  if (settled === 'Denied') return { state: settled, by: denied };
  if (SETTLED.includes(settled) || !(nowMs < Date.parse(spec.expiresAt))) return { state: 'Expired', by: [] };
  if (denied.length > 0) return { state: 'Denied', by: denied };
  return { state: approved.length >= (spec.approval.count ?? 1) ? 'Approved' : 'Waiting', by: approved };
}

/** Ready of an ApprovalRequest: true once it is settled, one way or another. */
export function judgeApprovalRequest(request: ApprovalRequest, facts: ApprovalFacts): readonly Verdict[] {
  const { state, by } = decideApproval(request, facts);
  const settled = (message: string): readonly Verdict[] => [{ type: 'Ready', status: 'True', reason: state, message }];
  switch (state) {
    case 'Approved':
      return settled(`Approved by ${by.join(', ')}.`);
    case 'Denied':
      return settled(`Denied by ${by.join(', ')}.`);
    case 'Expired':
      return settled('Nobody decided in time, so it is refused.');
    case 'Waiting': {
      const needed = (request.spec.approval.count ?? 1) - by.length;
      const message = `${needed} more ${needed === 1 ? 'approval is' : 'approvals are'} needed until ${request.spec.expiresAt}.`;
      return [{ type: 'Ready', status: 'False', reason: state, message }];
    }
    default:
      return assertNever(state);
  }
}
