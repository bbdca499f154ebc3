/** Waits that grow: `firstMs`, doubled up to `mostMs`, each with up to half of it taken off by chance, so that many do not come back at once. */
export class BackOff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** `random` gives numbers in [0, 1). */
  constructor(firstMs: number, mostMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
    this.#nextMs = firstMs;
  }

  /** The wait before the next try, in milliseconds. */
  next(): number {
    const wait = this.#nextMs;
    this.#nextMs = Math.min(wait * 2, this.#mostMs);
    return Math.round(wait * (1 - this.#random() / 2));
  }

  /** Something went well. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
