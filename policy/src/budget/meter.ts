/** What a command costs. Absent means none. */
export interface Amounts {
  readonly rows?: number;
  readonly bytes?: number;
  readonly commands?: number;
}

export type AmountName = keyof Amounts;

export const AMOUNT_NAMES: readonly AmountName[] = ['rows', 'bytes', 'commands'];

/** Slices that a window is counted in: what is spent comes back at most one slice late, never early. */
const SLICES = 60;

/** What was spent from some time on. */
export type KeptSlice = Amounts & { readonly fromMs: number };

interface Slice {
  readonly fromMs: number;
  /** When what was spent in this slice comes back, all at once. */
  readonly endsMs: number;
  readonly spent: Record<AmountName, number>;
}

/** Counts what was spent in a sliding window. Knows no clock: every call brings the time, and time that runs backwards stands still. */
export class Meter {
  readonly #windowMs: number;
  readonly #sliceMs: number;
  #slices: Slice[];
  /** The sum over all slices: asked for at every row. */
  #total: Record<AmountName, number>;
  #nowMs: number;

  /** A meter for a window of another length takes over what an earlier one counted, but not what that one had forgotten. */
  constructor(perSeconds: number, earlier?: Meter) {
    this.#windowMs = perSeconds * 1000;
    this.#sliceMs = Math.ceil(this.#windowMs / SLICES);
    this.#slices = (earlier === undefined ? [] : earlier.#slices).map(({ fromMs, spent }) => {
      return { fromMs, endsMs: fromMs + this.#sliceMs + this.#windowMs, spent: { ...spent } };
    });
    this.#total = sumOf(this.#slices);
    this.#nowMs = earlier === undefined ? 0 : earlier.#nowMs;
  }

  /** What is counted, in at most `slicesMax` pieces, each from when on it counts. Pieces that are put together come back with the last of them. */
  kept(slicesMax: number): readonly KeptSlice[] {
    const many = Math.max(1, Math.ceil(this.#slices.length / slicesMax));
    const kept: KeptSlice[] = [];
    for (let at = 0; at < this.#slices.length; at += many) {
      const together = this.#slices.slice(at, at + many);
      kept.push({ fromMs: together.at(-1)?.fromMs ?? 0, ...sumOf(together) });
    }
    return kept;
  }

  /** Counts what an earlier meter of the same window kept; into a new meter only. */
  restore(kept: readonly KeptSlice[]): void {
    for (const { fromMs, ...amounts } of kept) this.spend(fromMs, amounts);
  }

  spend(atMs: number, amounts: Amounts): void {
    this.#moveTo(atMs);
    const fromMs = Math.floor(this.#nowMs / this.#sliceMs) * this.#sliceMs;
    let slice = this.#slices.at(-1);
    if (slice === undefined || slice.fromMs < fromMs) {
      slice = { fromMs, endsMs: fromMs + this.#sliceMs + this.#windowMs, spent: { rows: 0, bytes: 0, commands: 0 } };
      this.#slices.push(slice);
    }
    for (const name of AMOUNT_NAMES) {
      slice.spent[name] += amounts[name] ?? 0;
      this.#total[name] += amounts[name] ?? 0;
    }
  }

  /** As if nothing had been spent. */
  forget(atMs: number): void {
    this.#moveTo(atMs);
    this.#slices = [];
    this.#total = sumOf([]);
  }

  spent(atMs: number, name: AmountName): number {
    this.#moveTo(atMs);
    return this.#total[name];
  }

  isUnspent(atMs: number): boolean {
    this.#moveTo(atMs);
    return this.#slices.length === 0;
  }

  /** The earliest time at which no more than `amount` is spent, if nothing more is. */
  timeOfAtMost(atMs: number, name: AmountName, amount: number): number {
    let left = this.spent(atMs, name);
    let timeMs = this.#nowMs;
    for (const slice of this.#slices) {
      if (left <= amount) break;
      left -= slice.spent[name];
      timeMs = slice.endsMs;
    }
    return timeMs;
  }

  #moveTo(atMs: number): void {
    if (atMs > this.#nowMs) this.#nowMs = atMs;
    if ((this.#slices[0]?.endsMs ?? Number.POSITIVE_INFINITY) > this.#nowMs) return;
    this.#slices = this.#slices.filter((slice) => slice.endsMs > this.#nowMs);
    this.#total = sumOf(this.#slices);
  }
}

function sumOf(slices: readonly Slice[]): Record<AmountName, number> {
  const total = { rows: 0, bytes: 0, commands: 0 };
  for (const { spent } of slices) for (const name of AMOUNT_NAMES) total[name] += spent[name];
  return total;
}
