import type { SpendingReport, Sums } from './lessor.ts';
import { AMOUNT_NAMES, type AmountName, type Amounts } from './meter.ts';

/** A gate's part of one limit of one agent: what it was allowed and what of that is used. Knows no clock: what is over comes back as new grants. */
export class LimitLease {
  #used: Record<AmountName, number> = { rows: 0, bytes: 0, commands: 0 };
  #allowed: Record<AmountName, number> = { rows: 0, bytes: 0, commands: 0 };
  #seen = 0;
  #unsaid = false;

  /** The first of the amounts that would be too much; amounts that the limit does not name are never. */
  lacks(limit: Amounts, amounts: Amounts): AmountName | undefined {
    return AMOUNT_NAMES.find(
      (name) =>
        limit[name] !== undefined &&
        (amounts[name] ?? 0) > 0 &&
        this.#used[name] + (amounts[name] ?? 0) > this.#allowed[name],
    );
  }

  /** Counts what has happened. */
  spend(amounts: Amounts): void {
    this.#unsaid = true;
    for (const name of AMOUNT_NAMES) this.#used[name] += amounts[name] ?? 0;
  }

  /** True when something that the limit names is used up, or nearly. */
  isLow(limit: Amounts): boolean {
    return AMOUNT_NAMES.some((name) => this.#allowed[name] - this.#used[name] < (limit[name] ?? 0) / 8);
  }

  /** A grant of this stream. */
  take(number: number, more: Sums): void {
    if (number <= this.#seen) return;
    this.#seen = number;
    for (const name of AMOUNT_NAMES) this.#allowed[name] += more[name];
  }

  /** Numbers begin anew. */
  streamBegan(): void {
    this.#seen = 0;
  }

  /** Gives back half of what is left. */
  giveHalf(): void {
    for (const name of AMOUNT_NAMES) {
      const left = Math.max(0, this.#allowed[name] - this.#used[name]);
      this.#allowed[name] = Math.min(this.#allowed[name], this.#used[name] + Math.floor(left / 2));
    }
  }

  /** Gives back everything that is left. */
  giveAll(): void {
    for (const name of AMOUNT_NAMES) this.#allowed[name] = Math.min(this.#allowed[name], this.#used[name]);
  }

  /** True when something was used that no report says. */
  get isUnsaid(): boolean {
    return this.#unsaid;
  }

  /** `ends`: the last one of the epoch. */
  report(epoch: string, wants: boolean, ends = false): SpendingReport {
    this.#unsaid = false;
    return { epoch, seen: this.#seen, used: { ...this.#used }, allowed: { ...this.#allowed }, wants, ends };
  }
}
