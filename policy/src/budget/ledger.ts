import { ruleName } from '../decision.ts';
import type { LimitRule } from './limit-rule.ts';
import { type Amounts, type KeptSlice, Meter } from './meter.ts';

/** What one limit has counted. */
export interface KeptMeter {
  readonly name: string;
  readonly perSeconds: number;
  readonly spent: readonly KeptSlice[];
}

const SLICES_KEPT_MAX = 12;

interface Account {
  readonly meter: Meter;
  readonly perSeconds: number;
}

/** What one agent has spent, by the names of the limits: shared by all of its budgets, kept when the rules change. */
export class Ledger {
  readonly #accounts = new Map<string, Account>();

  /** Starts from what `earlier` has counted, and counts apart from then on. */
  constructor(earlier?: Ledger) {
    for (const [name, { meter, perSeconds }] of earlier === undefined ? [] : earlier.#accounts)
      this.#accounts.set(name, { meter: new Meter(perSeconds, meter), perSeconds });
  }

  /** The meter of a limit; when the limit's window has changed since, it takes over what was counted. */
  meterOf({ by, perSeconds }: LimitRule): Meter {
    const name = ruleName(by);
    const kept = this.#accounts.get(name);
    if (kept?.perSeconds === perSeconds) return kept.meter;
    const meter = new Meter(perSeconds, kept?.meter);
    this.#accounts.set(name, { meter, perSeconds });
    return meter;
  }

  /** What is counted, as it can be kept. */
  kept(): readonly KeptMeter[] {
    return [...this.#accounts].map(([name, { meter, perSeconds }]) => ({
      name,
      perSeconds,
      spent: meter.kept(SLICES_KEPT_MAX),
    }));
  }

  /** Counts what an earlier ledger kept, and from `atMs` on what may have been spent since. */
  restore(kept: readonly (KeptMeter & { readonly since: Amounts })[], atMs: number): void {
    for (const { name, perSeconds, spent, since } of kept) {
      const meter = new Meter(perSeconds);
      meter.restore(spent);
      meter.spend(atMs, since);
      this.#accounts.set(name, { meter, perSeconds });
    }
  }

  /** Makes a limit as good as new. */
  renew({ by, perSeconds }: LimitRule): void {
    this.#accounts.set(ruleName(by), { meter: new Meter(perSeconds), perSeconds });
  }

  /** Drops meters in whose window nothing was spent; true when none is left. */
  forgetUnspent(atMs: number): boolean {
    for (const [name, { meter }] of this.#accounts) if (meter.isUnspent(atMs)) this.#accounts.delete(name);
    return this.#accounts.size === 0;
  }
}
