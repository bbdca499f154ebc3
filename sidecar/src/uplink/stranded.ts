import type { BackOff } from '@sidegate/crds';

/**
 * What cannot leave the spool now: segments that the disk does not give, and sessions of which only the spool has what comes next. Says
 * when to read all of it again.
 */
export class Stranded {
  readonly #backOff: BackOff;
  readonly #segments = new Set<number>();
  #againMs = Number.POSITIVE_INFINITY;

  constructor(backOff: BackOff) {
    this.#backOff = backOff;
  }

  /** There may be more in the spool than is known. */
  get hasSegments(): boolean {
    return this.#segments.size > 0;
  }

  /** When to read again; infinity: nothing is stranded. */
  get againMs(): number {
    return this.#againMs;
  }

  /** The disk does not give that segment. True when this is news. */
  addSegment(number: number, nowMs: number): boolean {
    this.postpone(nowMs);
    if (this.#segments.has(number)) return false;
    this.#segments.add(number);
    return true;
  }

  /** It was read to its end. True when this is news. */
  removeSegment(number: number): boolean {
    return this.#segments.delete(number);
  }

  /** Something must be read again, not now. */
  postpone(nowMs: number): void {
    if (this.#againMs === Number.POSITIVE_INFINITY) this.#againMs = nowMs + this.#backOff.next();
  }

  /** Whatever must be read again, now. */
  hurry(): void {
    if (this.#againMs < Number.POSITIVE_INFINITY) this.#againMs = Number.NEGATIVE_INFINITY;
  }

  /** All segments, those in `listed`, are read again from here. Returns those that are gone: nobody waits for them. */
  begin(listed: readonly number[]): readonly number[] {
    this.#againMs = Number.POSITIVE_INFINITY;
    const gone = [...this.#segments].filter((number) => !listed.includes(number));
    for (const number of gone) this.#segments.delete(number);
    return gone;
  }

  /** All was read. */
  end(): void {
    if (this.#againMs === Number.POSITIVE_INFINITY) this.#backOff.reset();
  }
}
