import type { ApprovalState } from '@sidegate/policy';
import type { HoldEnded } from '@sidegate/session';
import type { CommandId } from '../protocols/protocol.ts';

interface HoldFacts {
  readonly commandId: CommandId;
  readonly state: ApprovalState;
  readonly atUs: number;
  readonly why: string;
}

/** The record of how a held command's waiting ended: who said what, when and why. `shown`: as their words may be shown. */
export function describeHold({ commandId, state, atUs, why }: HoldFacts, shown: (text: string) => string): HoldEnded {
  return {
    kind: 'HoldEnded',
    atUs,
    commandId,
    approvalId: state.request.id,
    outcome: state.kind === 'Pending' ? 'Cancelled' : state.kind,
    decidedBy: state.votes.map(({ by, verdict, reason, atMs }) => ({
      user: by.user,
      decision: verdict === 'Approve' ? 'Approved' : 'Refused',
      reason: shown(reason),
      atUs: atMs * 1000,
    })),
    reason: shown(why),
  };
}

/** Why an approval that people or time ended does not let the command pass, as a sentence. */
export function whyNotApproved(state: ApprovalState): string {
  const last = state.votes.at(-1);
  switch (state.kind) {
    case 'Refused':
      return `${last?.by.user ?? 'Somebody'} refused it${last === undefined || last.reason === '' ? '.' : `: ${last.reason}`}`;
    case 'Expired':
      return `Nobody approved it within ${(state.request.expiresAtMs - state.request.createdAtMs) / 1000} seconds.`;
    case 'Cancelled':
      return state.reason;
    default:
      return 'It was not approved.';
  }
}
