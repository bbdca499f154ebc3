import { type Fault, fail, type HeldApproval, ok, type Result } from '@sidegate/crds';
import {
  type ApprovalEvent,
  type ApprovalFault,
  type ApprovalState,
  type ApprovalUse,
  type Approver,
  advanceApproval,
  type CoverageFault,
  covers,
  grantEndsMs,
  type HeldCommand,
  holdCommand,
  pendingApproval,
  type RuleReference,
  useApproval,
} from '@sidegate/policy';
import { newApprovalId } from './approval-id.ts';
import { type ApprovalQuestion, describeApproval, type ShownCommand, showCommand } from './approval-question.ts';

/** Commands of all sessions that may wait for a human at one time. */
const PENDING_MAX = 1_000;
/** Approvals that are over and still known, so that a late or second decision is told what happened. */
const ENDED_KEPT_MAX = 1_000;
/** Approvals that still let the same command pass. */
const GRANTS_MAX = 10_000;

export interface ApprovalDeskOptions {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Calls `act` once after `ms`, unless what it returns was called before. */
  readonly setTimer: (ms: number, act: () => void) => () => void;
  /** Cryptographic randomness. */
  readonly random: (bytes: number) => Uint8Array;
  /** Default 1000. */
  readonly pendingMax?: number;
  /** Characters of an id; default 5. More where ids must not come again when the gate starts anew. */
  readonly idLength?: number;
  /** What an approver runs; default `sidegate approve ID`. */
  readonly howToApprove?: (id: string, by: RuleReference) => string;
}

export interface Asked {
  readonly id: string;
  readonly expiresAtMs: number;
  readonly howToApprove: string;
}

/** A command that waits, as others than its session see it. */
export interface WaitingCommand {
  readonly request: HeldCommand;
  readonly question: Omit<ApprovalQuestion, 'judged'>;
  readonly shown: ShownCommand;
}

/** Who wants to know what waits, and what waits no more. */
export interface DeskListener {
  asked(waiting: WaitingCommand): void;
  ended(state: ApprovalState): void;
}

export type DecideFault = ApprovalFault | Fault<'UnknownApproval'>;

interface Entry {
  state: ApprovalState;
  /** Without the command itself, which may be large and belongs to its session. */
  readonly question: Omit<ApprovalQuestion, 'judged'>;
  readonly shown: ShownCommand;
  readonly ended: (state: ApprovalState) => void;
  stopTimer: () => void;
}

/**
 * Where the held commands of all sessions wait for people, and where what people allowed for longer than one command is kept. It moves
 * nothing itself: whoever asked is told how it ended.
 */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  /** In the order in which they were asked. */
  readonly #pending = new Map<string, Entry>();
  /** Approved for a session or a window. */
  readonly #grants = new Map<string, Entry>();
  /** Over, or used up. */
  readonly #ended = new Map<string, Entry>();
  #listener: DeskListener | undefined;

  constructor(options: ApprovalDeskOptions) {
    this.#options = options;
  }

  /** From now on `listener`, and nobody else, hears what comes to wait and how it ends. */
  follow(listener: DeskListener): void {
    this.#listener = listener;
  }

  /** What waits now, in the order in which it was asked. */
  get waiting(): readonly WaitingCommand[] {
    return [...this.#pending.values()].map(waitingOf);
  }

  /** Puts a question. `ended` is called once, when people or time end it, and not when it is withdrawn. */
  ask(
    question: ApprovalQuestion,
    ended: (state: ApprovalState) => void,
  ): Result<Asked, Fault<'TooLongToShow' | 'Hidden' | 'TooManyWait'>> {
    const { nowMs, random, pendingMax = PENDING_MAX, idLength, howToApprove = onThisMachine } = this.#options;
    if (this.#pending.size >= pendingMax) {
      return fail({ code: 'TooManyWait', message: `${pendingMax} commands wait for approval already.` });
    }
    const shown = showCommand(question);
    if ('code' in shown) return fail(shown);
    const { judged: _, ...kept } = question;
    const { session, binding, by, terms, policyVersion } = kept;
    const { issuer, subject } = session.identity.verified;
    const request = holdCommand({
      id: newApprovalId(random, (id) => this.#find(id) !== undefined, idLength),
      commandSha256: binding,
      identity: { issuer, subject },
      session: session.sessionId,
      rule: by,
      terms,
      policyVersion,
      createdAtMs: nowMs(),
    });
    const entry: Entry = { state: pendingApproval(request), question: kept, shown, ended, stopTimer: () => {} };
    this.#pending.set(request.id, entry);
    this.#watch(entry);
    this.#listener?.asked(waitingOf(entry));
    const { id, expiresAtMs } = request;
    return ok({ id, expiresAtMs, howToApprove: howToApprove(id, by) });
  }

  /** Somebody's word. Faults say why it does not count; they change nothing. */
  decide(id: string, verdict: 'Approve' | 'Refuse', by: Approver, reason: string): Result<HeldApproval, DecideFault> {
    const entry = this.#find(id);
    if (entry === undefined) {
      const mend = 'See sidegate approvals.';
      return fail({ code: 'UnknownApproval', message: `Nothing is known of an approval ${id}.`, mend });
    }
    const next = advanceApproval(entry.state, { kind: 'Vote', verdict, by, reason, atMs: this.#options.nowMs() });
    if (!next.ok) return next;
    this.#move(entry, next.value);
    return ok(this.#describe(entry));
  }

  /** The session that asked is over, the agent gave up, or the rules changed: the state that a record should hold. Nobody is called back. */
  withdraw(id: string, event: Extract<ApprovalEvent, { kind: 'Cancel' | 'PolicyChanged' }>): ApprovalState | undefined {
    const entry = this.#pending.get(id);
    if (entry === undefined) return undefined;
    const next = advanceApproval(entry.state, event);
    if (!next.ok || next.value.kind === 'Pending') return entry.state;
    entry.state = next.value;
    this.#retire(entry);
    this.#listener?.ended(entry.state);
    return entry.state;
  }

  /** Nobody can decide it: whoever asked is told so. */
  turnAway(id: string, reason: string): void {
    const entry = this.#pending.get(id);
    if (entry === undefined) return;
    const next = advanceApproval(entry.state, { kind: 'Cancel', reason, atMs: this.#options.nowMs() });
    if (next.ok) this.#move(entry, next.value);
  }

  /** Takes one use of the approval `id`, if it covers the command. */
  use(id: string, use: ApprovalUse): Result<ApprovalState, CoverageFault | Fault<'UnknownApproval'>> {
    const entry = this.#find(id);
    if (entry === undefined)
      return fail({ code: 'UnknownApproval', message: `Nothing is known of an approval ${id}.` });
    const used = useApproval(entry.state, use);
    if (used.ok) entry.state = used.value;
    return used;
  }

  /** Takes one use of an earlier approval of a session or window that covers the command; undefined when there is none. */
  useGrant(use: ApprovalUse): ApprovalState | undefined {
    if (this.#grants.size === 0) return undefined;
    for (const entry of this.#grants.values()) {
      if (!covers(entry.state, use).ok) continue;
      const used = useApproval(entry.state, use);
      if (!used.ok) continue;
      entry.state = used.value;
      return used.value;
    }
    return undefined;
  }

  /** What was allowed for a session ends with it. */
  sessionEnded(sessionId: string): void {
    for (const entry of this.#grants.values()) {
      const { session, terms } = entry.question;
      if (session.sessionId === sessionId && terms.grant?.scope === 'Session') this.#retire(entry);
    }
  }

  /** What was allowed under other rules holds no more. */
  rulesChanged(policyVersion: string): void {
    for (const entry of this.#grants.values()) {
      if (entry.question.policyVersion !== policyVersion) this.#retire(entry);
    }
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** All that wait, and those that ended lately, in the order in which they were asked. */
  list(): readonly HeldApproval[] {
    const entries = [...this.#ended.values(), ...this.#grants.values(), ...this.#pending.values()];
    return entries.map((entry) => this.#describe(entry)).toSorted((one, other) => one.createdAtMs - other.createdAtMs);
  }

  #find(id: string): Entry | undefined {
    return this.#pending.get(id) ?? this.#grants.get(id) ?? this.#ended.get(id);
  }

  #describe({ state, question, shown }: Entry): HeldApproval {
    return describeApproval(state, question, shown);
  }

  /** Time is looked at again when the timer fires: a machine's clock may have been set meanwhile. */
  #watch(entry: Entry): void {
    const { nowMs, setTimer } = this.#options;
    const leftMs = Math.max(1, entry.state.request.expiresAtMs - nowMs());
    entry.stopTimer = setTimer(leftMs, () => {
      const next = advanceApproval(entry.state, { kind: 'Tick', atMs: nowMs() });
      if (next.ok && next.value.kind !== 'Pending') this.#move(entry, next.value);
      else this.#watch(entry);
    });
  }

  #move(entry: Entry, state: ApprovalState): void {
    entry.state = state;
    if (state.kind === 'Pending') return;
    const isGrant = state.kind === 'Approved' && (state.request.terms.grant?.scope ?? 'Command') !== 'Command';
    this.#retire(entry);
    if (isGrant) this.#keepGrant(entry, state);
    this.#listener?.ended(state);
    entry.ended(state);
  }

  #keepGrant(entry: Entry, state: Extract<ApprovalState, { kind: 'Approved' }>): void {
    // Full of other grants: this one command passes, the next like it is asked again.
    if (this.#grants.size >= GRANTS_MAX) return;
    this.#ended.delete(state.request.id);
    this.#grants.set(state.request.id, entry);
    const endsMs = grantEndsMs(state);
    if (endsMs === undefined) return;
    entry.stopTimer = this.#options.setTimer(Math.max(1, endsMs - this.#options.nowMs()), () => this.#retire(entry));
  }

  #retire(entry: Entry): void {
    const { id } = entry.state.request;
    entry.stopTimer();
    this.#pending.delete(id);
    this.#grants.delete(id);
    this.#ended.set(id, entry);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= ENDED_KEPT_MAX) return;
      this.#ended.delete(oldest);
    }
  }
}

function waitingOf({ state, question, shown }: Entry): WaitingCommand {
  return { request: state.request, question, shown };
}

function onThisMachine(id: string): string {
  return `sidegate approve ${id}`;
}
