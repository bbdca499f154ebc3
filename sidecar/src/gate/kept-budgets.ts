import {
  AMOUNT_NAMES,
  type AmountName,
  type Amounts,
  type KeptMeter,
  type LimitRule,
  ruleName,
} from '@sidegate/policy';

/** What one limit of an agent has counted, and what may have been spent since without a word. */
export type KeptLimit = KeptMeter & { readonly since: Amounts };

/** By agent. */
export type KeptBudgets = readonly (readonly [agent: string, limits: readonly KeptLimit[]])[];

/** Where what agents have spent outlives the gate's process. */
export interface BudgetStore {
  /** What was kept at the start. */
  readonly found: KeptBudgets;
  /** Replaces it whole; false: it cannot be kept. */
  write(kept: KeptBudgets): boolean;
}

/** This part of a limit may be spent between two writes: it counts as spent when the gate starts anew. */
const PART = 50;

/** What of one agent's limits may be spent before it must be kept again. */
export class Headroom {
  readonly #left = new Map<string, Record<AmountName, number>>();
  #used = false;

  /** True when something was spent since the last write. */
  get isUsed(): boolean {
    return this.#used;
  }

  /** True when all of these amounts may be spent under all of these limits. */
  covers(limits: readonly LimitRule[], amounts: Amounts): boolean {
    return limits.every((limit) => {
      const left = this.#left.get(ruleName(limit.by));
      return AMOUNT_NAMES.every((name) => limit[name] === undefined || (amounts[name] ?? 0) <= (left?.[name] ?? 0));
    });
  }

  spend(limits: readonly LimitRule[], amounts: Amounts): void {
    this.#used = true;
    for (const limit of limits) {
      const left = this.#left.get(ruleName(limit.by));
      if (left !== undefined)
        for (const name of AMOUNT_NAMES) left[name] = Math.max(0, left[name] - (amounts[name] ?? 0));
    }
  }

  /** Room for these amounts and the usual part, from the next write on. */
  widen(limits: readonly LimitRule[], amounts: Amounts): void {
    this.#used = false;
    for (const limit of limits) {
      const room = (name: AmountName): number => (amounts[name] ?? 0) + Math.ceil((limit[name] ?? 0) / PART);
      this.#left.set(ruleName(limit.by), { rows: room('rows'), bytes: room('bytes'), commands: room('commands') });
    }
  }

  of(limit: string): Amounts {
    return { ...this.#left.get(limit) };
  }

  /** Nothing may be spent: what was promised could not be kept. */
  close(): void {
    this.#left.clear();
  }
}
