import { varintBytes, WireBuffer, writeVarint } from './wire-buffer.ts';

/** Encoded events as the payload of a chunk: each behind its length, a varint. */
export function joinEvents(events: readonly Uint8Array[]): Uint8Array {
  const size = events.reduce((sum, event) => sum + varintBytes(event.length) + event.length, 0);
  const out = new WireBuffer(size + 16);
  for (const event of events) {
    out.varint(event.length);
    out.raw(event);
  }
  return out.view();
}

/** The events of a payload; undefined when it ends inside one, or holds more than `countMax`. */
export function splitEvents(
  payload: Uint8Array,
  countMax = Number.POSITIVE_INFINITY,
): readonly Uint8Array[] | undefined {
  const events: Uint8Array[] = [];
  let at = 0;
  while (at < payload.length) {
    if (events.length === countMax) return undefined;
    let length = 0;
    let scale = 1;
    for (;;) {
      const byte = payload[at];
      if (byte === undefined || scale > 2 ** 42) return undefined;
      at += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
    }
    if (at + length > payload.length) return undefined;
    events.push(payload.subarray(at, at + length));
    at += length;
  }
  return events;
}

/** Where a payload gets its memory, and gives it back. */
export interface PayloadMemory {
  /** At least so many bytes. */
  take(bytes: number): Buffer;
  give(buffer: Buffer): void;
}

/** Up to here a payload grows in large steps, so that little of it is moved on the way. */
const LARGE_BYTES = 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * A payload that events are added to at its end and let go of from its start. Positions count from the first byte that was ever added. What
 * was let go of makes room for what comes, so a payload that many bytes pass through takes as much memory as it holds at once.
 */
export class GrowingPayload {
  readonly #memory: PayloadMemory;
  #bytes: Buffer = NOTHING;
  /** What is held begins and ends here, in `#bytes`, whose first byte has position `#base`. */
  #from = 0;
  #to = 0;
  #base = 0;

  constructor(memory: PayloadMemory) {
    this.#memory = memory;
  }

  /** Behind the last event. */
  get end(): number {
    return this.#base + this.#to;
  }

  /** Copies the event. */
  add(event: Uint8Array): void {
    this.#reserve(varintBytes(event.length) + event.length);
    this.#to = writeVarint(this.#bytes, this.#to, event.length);
    this.#bytes.set(event, this.#to);
    this.#to += event.length;
  }

  /** What lies between two positions, for looking at until the next `add`. */
  view(from: number, to: number): Buffer {
    return this.#bytes.subarray(from - this.#base, to - this.#base);
  }

  letGoBefore(position: number): void {
    this.#from = position - this.#base;
    if (this.#from < this.#to) return;
    this.#base = position;
    this.#from = 0;
    this.#to = 0;
    if (this.#bytes.length > 0) this.#memory.give(this.#bytes);
    this.#bytes = NOTHING;
  }

  /** What lies behind `position` is added again, or never. */
  letGoAfter(position: number): void {
    this.#to = position - this.#base;
    if (this.#to <= this.#from) this.letGoBefore(position);
  }

  #reserve(count: number): void {
    if (this.#to + count <= this.#bytes.length) return;
    const held = this.#to - this.#from;
    const old = this.#bytes;
    // A third of the room is left for what comes, so that each byte is moved twice at most, however little is let go of at a time.
    const room = Math.ceil((held + count) * 1.5);
    const isRoomy = room <= old.length;
    if (!isRoomy) this.#bytes = this.#memory.take(Math.max(room, Math.min(old.length * 4, LARGE_BYTES)));
    old.copy(this.#bytes, 0, this.#from, this.#to);
    if (!isRoomy && old.length > 0) this.#memory.give(old);
    this.#base += this.#from;
    this.#from = 0;
    this.#to = held;
  }
}
