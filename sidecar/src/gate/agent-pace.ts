import type { ProtocolSession, Refusal, Step } from '../protocols/protocol.ts';
import type { HeldBytes } from './held-bytes.ts';
import type { Wires } from './wires.ts';

/** What an agent may send ahead while a command of its session waits for a human, in bytes: reading goes on, so that its leaving is noticed. */
const AHEAD_BYTES_MAX = 16 * 1024 * 1024;
const TOO_FAR_AHEAD: Refusal = {
  kind: 'Terminated',
  rule: 'hold',
  reason: `More than ${AHEAD_BYTES_MAX} bytes were sent while a command waits for an approval.`,
  hint: 'Wait for the answer before you send more.',
};
/** How long an agent is not read before it is asked whether it is still there, in milliseconds. */
const UNREAD_MS_MAX = 10_000;

/** How much of an agent is read, and how much of its session is held: what one sends ahead must cost neither memory nor an approval for ever. */
export class AgentPace {
  readonly #session: ProtocolSession;
  readonly #wires: Wires;
  readonly #held: HeldBytes;
  #aheadBytes = 0;
  #isFull = false;
  #unreadSinceMs: number | undefined;

  constructor(session: ProtocolSession, wires: Wires, held: HeldBytes) {
    this.#session = session;
    this.#wires = wires;
    this.#held = held;
  }

  /** Bytes came from the agent. A refusal: they are too many behind a command that waits for a human. */
  sent(bytes: number, isHolding: boolean): Refusal | undefined {
    this.#aheadBytes = isHolding ? this.#aheadBytes + bytes : 0;
    return this.#session.limitsAhead !== true && this.#aheadBytes > AHEAD_BYTES_MAX ? TOO_FAR_AHEAD : undefined;
  }

  /** The session has taken what came: whether more is read. A refusal: it holds more than this gate has room for. */
  settle(): Refusal | undefined {
    const isFull = this.#session.isFull === true;
    if (isFull !== this.#isFull) {
      this.#isFull = isFull;
      if (isFull) this.#wires.holdAgent();
      else this.#wires.resumeAgent();
    }
    const bytes = (this.#session.heldBytes ?? 0) + this.#wires.unsentBytes;
    return this.#held.set(this.#session, bytes) ? undefined : tooMuchHeld(bytes, this.#held.max);
  }

  /** Called about once a second: what shows whether an agent that is not read is still there, when that has been so for long. */
  watch(nowMs: number): readonly Step[] {
    if (!this.#wires.isAgentUnread) {
      this.#unreadSinceMs = undefined;
      return [];
    }
    this.#unreadSinceMs ??= nowMs;
    if (nowMs - this.#unreadSinceMs < UNREAD_MS_MAX) return [];
    this.#unreadSinceMs = nowMs;
    return this.#session.probe?.() ?? [];
  }

  end(): void {
    this.#held.end(this.#session);
  }
}

function tooMuchHeld(bytes: number, max: number): Refusal {
  return {
    kind: 'LimitExceeded',
    rule: 'memory',
    reason: `This session holds ${bytes} bytes of the gate’s memory. Of commands and answers that are not whole yet, must wait or are not read a session may hold ${Math.floor(max / 2)}, all sessions together ${max}.`,
    hint: 'Read what is answered, send large values in parts, close statements and portals that are no longer needed, or give the gate more memory.',
  };
}
