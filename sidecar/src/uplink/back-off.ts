/** Pauses after failures: each bound is twice the one before, and the pause is drawn between 0 and its bound. */
export class BackOff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #boundMs: number;

  /** `random` gives numbers in [0, 1). */
  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
    this.#boundMs = minMs;
  }

  /** The next pause, in milliseconds. */
  next(): number {
    const pause = this.#random() * this.#boundMs;
    this.#boundMs = Math.min(this.#boundMs * 2, this.#maxMs);
    return pause;
  }

  /** Something went well. */
  reset(): void {
    this.#boundMs = this.#minMs;
  }
}

/** Numbers in [0, 1) from a 32-bit seed: enough to spread retries, and for nothing else. */
export function spreadFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
