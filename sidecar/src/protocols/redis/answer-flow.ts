import type { Outbox } from '../outbox.ts';
import type { AnswerMeter, CommandId, Refusal } from '../protocol.ts';
import { writeRefusal } from './refuse.ts';

/** How much of an answer is held back where limits count: an answer up to this size is refused as a whole. */
const HELD_BYTES_MAX = 1024 * 1024;

interface Piece {
  readonly bytes: Uint8Array;
  readonly recorded: Uint8Array;
}

/** One answer on its way to the agent. What limits count is taken before any of it goes out. */
export class AnswerFlow {
  /** The limit that stopped it. */
  refusal: Refusal | undefined;
  /** Some of it has gone out. */
  begun = false;
  /** Bytes as the server sent them. */
  bytes = 0;
  readonly #outbox: Outbox;
  readonly #id: CommandId;
  readonly #meter: AnswerMeter | undefined;
  readonly #isDropped: boolean;
  readonly #rows: () => number;
  #held: Piece[] | undefined;
  #taken = 0;

  constructor(outbox: Outbox, id: CommandId, meter: AnswerMeter | undefined, isDropped: boolean, rows: () => number) {
    this.#outbox = outbox;
    this.#id = id;
    this.#meter = meter;
    this.#isDropped = isDropped;
    this.#rows = rows;
    this.#held = meter === undefined || isDropped ? undefined : [];
  }

  /** It is held back until a limit allows it. */
  get holds(): boolean {
    return this.#held !== undefined && this.bytes <= HELD_BYTES_MAX;
  }

  /** `start` to `end` of the received bytes, as they are. */
  pass(buffer: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    if (this.#isDropped || this.refusal !== undefined) return;
    if (this.#held !== undefined) {
      const bytes = buffer.subarray(start, end);
      this.#hold({ bytes, recorded: bytes });
      return;
    }
    if (this.#meter !== undefined && !this.#take(0)) return;
    this.begun = true;
    this.#outbox.pass(this.#id, buffer, start, end);
  }

  /** Other bytes in place of `rawBytes` that the server sent. */
  answer(bytes: Uint8Array, recorded: Uint8Array, rawBytes: number): void {
    this.bytes += rawBytes;
    if (this.#isDropped || this.refusal !== undefined) return;
    if (this.#held !== undefined) {
      this.#hold({ bytes, recorded });
      return;
    }
    if (this.#meter !== undefined && !this.#take(0)) return;
    this.begun = true;
    this.#outbox.answer(this.#id, bytes, recorded);
  }

  /** All of it has come. */
  end(): void {
    if (this.#held !== undefined) this.#release();
  }

  #hold(piece: Piece): void {
    this.#held?.push(piece);
    if (this.bytes > HELD_BYTES_MAX) this.#release();
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (!this.#take(this.#rows())) {
      if (this.refusal !== undefined) this.#outbox.answer(this.#id, writeRefusal(this.refusal));
      return;
    }
    this.begun = held.length > 0;
    for (const { bytes, recorded } of held) this.#outbox.answer(this.#id, bytes, recorded);
  }

  /** False: the limit is used up. */
  #take(rows: number): boolean {
    const bytes = this.bytes - this.#taken;
    this.#taken = this.bytes;
    this.refusal = this.#meter?.take(rows, bytes);
    return this.refusal === undefined;
  }
}
