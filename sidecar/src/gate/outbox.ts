import { type Fault, ok } from '@sidegate/crds';
import type { SessionRecord, Stored } from '../recorder.ts';
import type { Turn, TurnMember } from './turn.ts';
import type { Wires } from './wires.ts';

type Outgoing =
  | { readonly kind: 'Agent'; readonly bytes: Uint8Array }
  | { readonly kind: 'Target'; readonly bytes: Uint8Array }
  | { readonly kind: 'Act'; readonly act: () => void };

/** So much waits for the store, in bytes, and nothing more of its session is read until the store has some of it. */
const STORING_BYTES_MAX = 4 * 1024 * 1024;
const ALREADY_STORED: Stored = Promise.resolve(ok(undefined));

/**
 * What one session wants to send, in order, kept back until the turn that holds its records is written (and, where the session
 * asks for it, until the store has them).
 */
export class Outbox implements TurnMember {
  readonly #turn: Turn;
  readonly #wires: Wires;
  readonly #unrecordable: (fault: Fault) => void;
  #outgoing: Outgoing[] = [];
  #joined = false;
  #reading = true;
  /** Given to wait for the store, and not sent yet. */
  #storingBytes = 0;
  #storing: Promise<void> | undefined;
  /** Counts how often what waited for the store was given up. */
  #abandoned = 0;
  /** Wait until the store has what is written of this, not only for the spool. */
  central: Pick<SessionRecord, 'stored'> | undefined;

  /** `unrecordable` is called when nothing can be recorded: what was queued is gone by then, and nothing may be forwarded. */
  constructor(turn: Turn, wires: Wires, unrecordable: (fault: Fault) => void) {
    this.#turn = turn;
    this.#wires = wires;
    this.#unrecordable = unrecordable;
  }

  toAgent(bytes: Uint8Array): void {
    this.#queue({ kind: 'Agent', bytes });
  }

  toTarget(bytes: Uint8Array): void {
    this.#queue({ kind: 'Target', bytes });
  }

  /** Something else that must keep its place in the order: a TLS upgrade, the close. */
  act(act: () => void): void {
    this.#queue({ kind: 'Act', act });
  }

  /** Something was recorded: it is written at the end of this turn. */
  join(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#turn.join(this);
  }

  release(): void {
    this.#joined = false;
    this.#pace();
    const stored = this.central?.stored;
    if (stored !== undefined) this.#releaseAfter(stored);
    // What an earlier turn still holds back for the store goes first.
    else if (this.#storing !== undefined) this.#releaseAfter(ALREADY_STORED);
    else this.#send(this.#takeAll());
  }

  #releaseAfter(stored: Stored): void {
    const outgoing = this.#takeAll();
    const bytes = bytesOf(outgoing);
    this.#storingBytes += bytes;
    this.#pace();
    const sending = this.#sendWhenStored(this.#storing, stored, outgoing);
    this.#storing = sending;
    void sending.then(() => {
      this.#storingBytes -= bytes;
      // The spool may have no room by now: it says so when it has.
      if (!this.#joined) this.#pace();
      if (this.#storing === sending) this.#storing = undefined;
    });
  }

  block(): void {
    if (!this.#reading) return;
    this.#reading = false;
    this.#wires.holdReading();
  }

  refuse(fault: Fault): void {
    this.#joined = false;
    this.#outgoing = [];
    // Nor may what followed cross, whatever becomes of its records.
    this.#abandoned++;
    this.#unrecordable(fault);
  }

  /** The session must end now: what waits for the store is given up, and the last words wait for the spool alone. */
  abandonStored(): void {
    this.#abandoned++;
    this.#storing = undefined;
    this.central = undefined;
  }

  /** What waits is never sent. */
  drop(): void {
    this.#outgoing = [];
  }

  /** All that was to be written is: whether more is read hangs on what waits for the store. */
  #pace(): void {
    const reading = this.#storingBytes <= STORING_BYTES_MAX;
    if (reading === this.#reading) return;
    this.#reading = reading;
    if (reading) this.#wires.resumeReading();
    else this.#wires.holdReading();
  }

  #queue(one: Outgoing): void {
    this.#outgoing.push(one);
    this.join();
  }

  #takeAll(): readonly Outgoing[] {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing;
  }

  async #sendWhenStored(
    before: Promise<void> | undefined,
    stored: Stored,
    outgoing: readonly Outgoing[],
  ): Promise<void> {
    const abandoned = this.#abandoned;
    await before;
    const result = await stored;
    if (abandoned !== this.#abandoned) return;
    if (result.ok) this.#send(outgoing);
    else this.refuse(result.fault);
  }

  #send(outgoing: readonly Outgoing[]): void {
    const only = outgoing[0];
    if (only === undefined) return;
    if (outgoing.length === 1) return this.#sendOne(only);
    this.#wires.cork();
    for (const one of outgoing) this.#sendOne(one);
    this.#wires.uncork();
  }

  #sendOne(one: Outgoing): void {
    if (one.kind === 'Agent') this.#wires.sendAgent(one.bytes);
    else if (one.kind === 'Target') this.#wires.sendTarget(one.bytes);
    else one.act();
  }
}

function bytesOf(outgoing: readonly Outgoing[]): number {
  return outgoing.reduce((sum, one) => sum + (one.kind === 'Act' ? 0 : one.bytes.length), 0);
}
