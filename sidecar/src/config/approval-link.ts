import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ApprovalState, approvalRequestName, type RuleReference } from '@sidegate/policy';
import {
  type FollowRequestSchema,
  HoldEnded_Outcome as Outcome,
  type TurnedAway,
  type Vote,
} from '@sidegate/policy/control';
import type { ApprovalDesk, ApprovalDeskOptions, WaitingCommand } from '../gate/approval-desk.ts';

type Sentence = NonNullable<MessageInitShape<typeof FollowRequestSchema>['message']>;

/** Ends that are said again on the next stream: the operator may have gone before it heard them. */
const ENDS_KEPT_MAX = 200;
/** Commands of one pod that may wait at one time: each is an object in the cluster. */
const POD_PENDING_MAX = 100;

/** How a desk differs in a pod: what it hands out is known in the whole cluster. */
export function podDesk(podUid: string): Pick<ApprovalDeskOptions, 'pendingMax' | 'idLength' | 'howToApprove'> {
  return {
    pendingMax: POD_PENDING_MAX,
    idLength: 8,
    howToApprove: (id, by: RuleReference) =>
      `kubectl sidegate approve -n ${by.policy?.namespace ?? 'default'} ${approvalRequestName(podUid, id)}`,
  };
}

/**
 * Tells the operator what waits at the desk, and the desk what people decided. On every stream all that waits is said again: the operator takes
 * the second time for the first. Without a stream commands wait until their time is over.
 */
export class ApprovalLink {
  readonly #desk: ApprovalDesk;
  readonly #nowMs: () => number;
  readonly #ends = new Map<string, Sentence>();
  #say: ((sentence: Sentence) => void) | undefined;

  /** `nowMs`: milliseconds since the epoch, by the clock of the desk. */
  constructor(desk: ApprovalDesk, nowMs: () => number) {
    this.#desk = desk;
    this.#nowMs = nowMs;
    desk.follow({
      asked: (waiting) => this.#say?.(this.#describe(waiting)),
      ended: (state) => this.#ended(state),
    });
  }

  /** A stream has begun. */
  open(say: (sentence: Sentence) => void): void {
    this.#say = say;
    const { waiting } = this.#desk;
    for (const end of this.#ends.values()) say(end);
    say({ case: 'openHolds', value: { ids: waiting.map(({ request }) => request.id) } });
    for (const one of waiting) say(this.#describe(one));
  }

  /** The stream is over. */
  close(): void {
    this.#say = undefined;
  }

  /** A word that does not count changes nothing: it was cast again, or too late. */
  vote({ hold, user, subject, groups, approves, reason }: Vote): void {
    this.#desk.decide(hold, approves ? 'Approve' : 'Refuse', { user, subject, groups }, reason);
  }

  turnAway({ hold, reason }: TurnedAway): void {
    this.#desk.turnAway(hold, reason);
  }

  #ended(state: ApprovalState): void {
    const { id } = state.request;
    const end: Sentence = { case: 'holdEnded', value: { id, outcome: OUTCOMES[state.kind], reason: reasonOf(state) } };
    this.#ends.set(id, end);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > ENDS_KEPT_MAX && oldest !== undefined) this.#ends.delete(oldest);
    this.#say?.(end);
  }

  #describe({ request, question, shown }: WaitingCommand): Sentence {
    const { session, by, reason, isLimit, commandId, policyVersion } = question;
    const { issuer, subject, groups } = session.identity.verified;
    const nowMs = this.#nowMs();
    return {
      case: 'held',
      value: {
        id: request.id,
        policyVersion,
        policy: { ...(by.policy ?? { namespace: '', name: '' }) },
        rule: by.rule,
        isLimit,
        reason,
        target: { ...session.door.target },
        access: { ...session.door.access },
        sessionId: session.sessionId,
        commandId: BigInt(commandId),
        sha256: shown.sha256,
        text: shown.text,
        binds: shown.binds.map((bind) => (bind === null ? {} : { text: bind })),
        requester: { issuer, subject, groups: [...(groups ?? [])], hasGroups: groups !== undefined },
        claimed: { ...shown.claimed },
        remainingMilliseconds: Math.max(0, Math.ceil(request.expiresAtMs - nowMs)),
        waitedMilliseconds: Math.max(0, Math.floor(nowMs - request.createdAtMs)),
      },
    };
  }
}

const OUTCOMES: Readonly<Record<ApprovalState['kind'], Outcome>> = {
  Pending: Outcome.UNSPECIFIED,
  Approved: Outcome.APPROVED,
  Refused: Outcome.REFUSED,
  Expired: Outcome.EXPIRED,
  Cancelled: Outcome.CANCELLED,
};

function reasonOf(state: ApprovalState): string {
  return state.kind === 'Cancelled' ? state.reason : (state.votes.at(-1)?.reason ?? '');
}
