import { create } from '@bufbuild/protobuf';
import { assertNever, type Result } from '@sidegate/crds';
import { approvalRequestName } from '@sidegate/policy';
import {
  type Held,
  type LimitAccount,
  LimitAccountSchema,
  HoldEnded_Outcome as Outcome,
} from '@sidegate/policy/control';
import type { GateSession, HoldSentence } from '../control/gate-session.ts';
import type { GateWord } from '../judging/approval-request.ts';
import type { HoldFault, RequestToMake } from './held-request.ts';

/** Commands of one pod that may wait at one time. */
const OPEN_MAX = 100;
/** Ends of one pod that are remembered: the objects take them over at once. */
const ENDED_MAX = 1_000;

/** One held command of a connected gate. */
export interface OpenHold {
  /** The gate's own name for it. */
  readonly id: string;
  readonly request: RequestToMake;
  readonly session: GateSession;
  /** The limit that asks, if it is no rule: an approval makes it as good as new. */
  readonly limit: LimitAccount | undefined;
  /** An object of its name was seen: when that is gone, somebody deleted it. */
  seen: boolean;
  /** Users whose word was passed on. */
  readonly told: Set<string>;
}

export interface HoldBoardOptions {
  /** Reads what a gate says it holds; a fault turns the command away. Undefined: under rules that are not known here, now or ever. */
  readonly accept: (held: Held, session: GateSession) => Result<RequestToMake, HoldFault> | undefined;
  /** Told the key of each request that may have something new. */
  readonly changed: (key: string) => void;
}

interface GateHolds {
  readonly session: GateSession;
  /** By the name of the request. */
  readonly open: Map<string, OpenHold>;
  readonly ended: Map<string, Extract<GateWord, { kind: 'Ended' }>>;
  /** Held under a bundle that is not known here, by name: looked at again when something changes. */
  readonly unread: Map<string, Held>;
  /** What the gate said waits when it connected, by name; undefined: it has not said so yet. */
  listed: ReadonlySet<string> | undefined;
}

/** What the connected gates say of their held commands. */
export class HoldBoard {
  readonly #options: HoldBoardOptions;
  /** By the UID of the pod. */
  readonly #gates = new Map<string, GateHolds>();

  constructor(options: HoldBoardOptions) {
    this.#options = options;
  }

  heard(sentence: HoldSentence, session: GateSession): void {
    const { uid } = session.attested;
    const holds = this.#holdsOf(session);
    switch (sentence.case) {
      case 'openHolds':
        holds.listed = new Set(sentence.value.ids.map((id) => approvalRequestName(uid, id)));
        return;
      case 'held':
        return this.#held(sentence.value, holds);
      case 'holdEnded': {
        const { id, outcome, reason } = sentence.value;
        const name = approvalRequestName(uid, id);
        const hold = holds.open.get(name);
        holds.open.delete(name);
        holds.unread.delete(name);
        holds.ended.set(name, { kind: 'Ended', as: OUTCOMES[outcome], reason: reason.slice(0, 1_024) });
        const [oldest] = holds.ended.keys();
        if (holds.ended.size > ENDED_MAX && oldest !== undefined) holds.ended.delete(oldest);
        if (hold !== undefined) this.#options.changed(keyOf(hold));
        return;
      }
      default:
        return assertNever(sentence);
    }
  }

  /** The stream is over; the commands wait on. */
  left(session: GateSession): void {
    const holds = this.#gates.get(session.attested.uid);
    if (holds?.session !== session) return;
    this.#gates.delete(session.attested.uid);
    for (const hold of holds.open.values()) this.#options.changed(keyOf(hold));
  }

  /** Something changed: what could not be read before may be readable now. */
  readAgain(): void {
    for (const holds of this.#gates.values()) for (const held of holds.unread.values()) this.#held(held, holds);
  }

  /** The held command that the object `namespace/name` is for. */
  get(key: string): OpenHold | undefined {
    for (const { open } of this.#gates.values()) {
      const hold = open.get(key.slice(key.indexOf('/') + 1));
      if (hold !== undefined && keyOf(hold) === key) return hold;
    }
    return undefined;
  }

  /** Of every command that waits. */
  keys(): readonly string[] {
    return [...this.#gates.values()].flatMap(({ open }) => [...open.values()].map(keyOf));
  }

  /** What the gate of a pod says of the request of that name. */
  wordOf(uid: string, name: string): GateWord {
    const holds = this.#gates.get(uid);
    if (holds === undefined) return { kind: 'Silent' };
    const ended = holds.ended.get(name);
    if (ended !== undefined) return ended;
    if (holds.open.has(name)) return { kind: 'Waits' };
    if (holds.listed === undefined || holds.listed.has(name)) return { kind: 'Silent' };
    return { kind: 'Lost', reason: 'The gate no longer holds this command.' };
  }

  /** The gate refuses the command, with this reason. */
  turnAway({ id, session, request }: OpenHold, reason: string): void {
    this.#gates.get(session.attested.uid)?.open.delete(request.metadata.name);
    session.say({ case: 'turnedAway', value: { hold: id, reason } });
  }

  #held(held: Held, holds: GateHolds): void {
    const { session, open } = holds;
    const name = approvalRequestName(session.attested.uid, held.id);
    if (open.has(name)) return;
    const turnAway = (reason: string): void => session.say({ case: 'turnedAway', value: { hold: held.id, reason } });
    if (open.size >= OPEN_MAX) return turnAway(`${OPEN_MAX} commands of this pod wait for approval already.`);
    const accepted = this.#options.accept(held, session);
    if (accepted === undefined) {
      if (holds.unread.size < OPEN_MAX) holds.unread.set(name, held);
      return;
    }
    holds.unread.delete(name);
    if (!accepted.ok) return turnAway(accepted.fault.message);
    const { id } = held;
    const hold: OpenHold = { id, request: accepted.value, session, limit: limitOf(held), seen: false, told: new Set() };
    open.set(name, hold);
    this.#options.changed(keyOf(hold));
  }

  #holdsOf(session: GateSession): GateHolds {
    const { uid } = session.attested;
    const known = this.#gates.get(uid);
    if (known?.session === session) return known;
    const holds: GateHolds = { session, open: new Map(), ended: new Map(), unread: new Map(), listed: undefined };
    this.#gates.set(uid, holds);
    return holds;
  }
}

const OUTCOMES: Readonly<Record<Outcome, Extract<GateWord, { kind: 'Ended' }>['as']>> = {
  [Outcome.UNSPECIFIED]: 'Cancelled',
  [Outcome.APPROVED]: 'Approved',
  [Outcome.REFUSED]: 'Refused',
  [Outcome.EXPIRED]: 'Expired',
  [Outcome.CANCELLED]: 'Cancelled',
};

function limitOf({ isLimit, access, policy, rule, requester }: Held): LimitAccount | undefined {
  if (!isLimit || access === undefined || policy === undefined || requester === undefined) return undefined;
  const { issuer, subject } = requester;
  return create(LimitAccountSchema, { access, issuer, subject, policy, limit: rule });
}

function keyOf({ request: { metadata } }: OpenHold): string {
  return `${metadata.namespace}/${metadata.name}`;
}
