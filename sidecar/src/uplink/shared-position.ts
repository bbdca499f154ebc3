import type { SpoolEnd } from '../spool/segment-writer.ts';

const SEGMENT_SCALE = 2n ** 32n;

/**
 * Where the written part of the spool ends, shared between the thread that writes and the one that reads. One 64-bit word, so that
 * segment and offset always belong together; a second word says that the reader sleeps and wants to be woken.
 */
export class SharedPosition {
  readonly buffer: SharedArrayBuffer;
  readonly #words: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.buffer = buffer;
    this.#words = new BigInt64Array(buffer);
  }

  /** Returns true when the reader sleeps: it must be woken, once. */
  advance({ segment, offset }: SpoolEnd): boolean {
    Atomics.store(this.#words, 0, BigInt(segment) * SEGMENT_SCALE + BigInt(offset));
    return Atomics.exchange(this.#words, 1, 0n) === 1n;
  }

  read(): SpoolEnd {
    const word = Atomics.load(this.#words, 0);
    return { segment: Number(word / SEGMENT_SCALE), offset: Number(word % SEGMENT_SCALE) };
  }

  /** The reader has read up to `seen` and goes to sleep. False when more was written meanwhile: it must stay awake. */
  sleep(seen: SpoolEnd): boolean {
    Atomics.store(this.#words, 1, 1n);
    const now = this.read();
    return now.segment === seen.segment && now.offset === seen.offset;
  }
}
