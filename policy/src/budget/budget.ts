import { type RuleReference, ruleName } from '../decision.ts';
import { compareText } from '../order.ts';
import { Ledger } from './ledger.ts';
import type { LimitRule } from './limit-rule.ts';
import { AMOUNT_NAMES, type AmountName, type Amounts, type Meter } from './meter.ts';

export * from './lease.ts';
export * from './lessor.ts';

/** Whether a charge went through. Exceeded: nothing was charged. */
export type ChargeOutcome =
  | { readonly kind: 'Within' }
  | {
      readonly kind: 'Exceeded';
      /** The strictest of the limits that are over: Deny before RequireApproval, then the one that lasts longest. */
      readonly limit: LimitRule;
      readonly amount: AmountName;
      /** When the same charge would go through, if nothing else is charged; undefined when it is larger than the whole limit. */
      readonly retryAtMs: number | undefined;
    };

/** What is left of one limit; an amount is absent where the limit does not name it. */
export interface Remaining {
  readonly limit: LimitRule;
  readonly rows?: number;
  readonly bytes?: number;
  readonly commands?: number;
}

type Exceeded = Extract<ChargeOutcome, { kind: 'Exceeded' }>;

/**
 * What one agent may still do, counted in sliding windows. All limits count, so the smallest is the one that is felt. It knows no clock and does no
 * I/O: every call brings the time in milliseconds. Negative or unknown amounts throw, for they are bugs.
 */
export class Budget {
  readonly #limits: readonly LimitRule[];
  readonly #ledger: Ledger;

  /**
   * What was spent is kept in `ledger`, so that several budgets of one agent count together, and a limit that keeps its name goes on
   * counting when the rules change.
   */
  constructor(limits: readonly LimitRule[], ledger: Ledger = new Ledger()) {
    this.#limits = limits;
    this.#ledger = ledger;
  }

  /** Charges all or nothing. Ask before the thing is done: what is exceeded must not pass. */
  charge(atMs: number, amounts: Amounts): ChargeOutcome {
    const outcome = this.ask(atMs, amounts);
    if (outcome.kind === 'Within') this.spend(atMs, amounts);
    return outcome;
  }

  /** What `charge` would say; nothing is charged. */
  ask(atMs: number, amounts: Amounts): ChargeOutcome {
    requireAmounts(amounts);
    let strictest: Exceeded | undefined;
    for (const limit of this.#limits) {
      for (const over of exceeded(limit, this.#meterOf(limit), atMs, amounts)) {
        if (strictest === undefined || byStrictness(over, strictest) < 0) strictest = over;
      }
    }
    return strictest ?? WITHIN;
  }

  /** Counts what has happened already, whether or not it was allowed. */
  spend(atMs: number, amounts: Amounts): void {
    requireAmounts(amounts);
    for (const limit of this.#limits) this.#meterOf(limit).spend(atMs, amounts);
  }

  remaining(atMs: number): readonly Remaining[] {
    return this.#limits.map((limit) => {
      const left: { [Name in AmountName]?: number } = {};
      for (const name of AMOUNT_NAMES) {
        const most = limit[name];
        if (most !== undefined) left[name] = Math.max(0, most - this.#meterOf(limit).spent(atMs, name));
      }
      return { limit, ...left };
    });
  }

  /** Makes one limit as good as new: somebody approved that much more. The others keep what they counted. */
  renew(by: RuleReference): void {
    const limit = this.#limits.find((other) => ruleName(other.by) === ruleName(by));
    if (limit !== undefined) this.#ledger.renew(limit);
  }

  #meterOf(limit: LimitRule): Meter {
    return this.#ledger.meterOf(limit);
  }
}

const WITHIN: ChargeOutcome = { kind: 'Within' };
const NONE: readonly Exceeded[] = [];

function exceeded(limit: LimitRule, meter: Meter, atMs: number, amounts: Amounts): readonly Exceeded[] {
  let over: Exceeded[] | undefined;
  for (const name of AMOUNT_NAMES) {
    const most = limit[name];
    const asked = amounts[name] ?? 0;
    if (most === undefined || asked === 0 || meter.spent(atMs, name) + asked <= most) continue;
    const retryAtMs = asked > most ? undefined : meter.timeOfAtMost(atMs, name, most - asked);
    over ??= [];
    over.push({ kind: 'Exceeded', limit, amount: name, retryAtMs });
  }
  return over ?? NONE;
}

function byStrictness(one: Exceeded, other: Exceeded): number {
  if (one.limit.action !== other.limit.action) return one.limit.action === 'Deny' ? -1 : 1;
  const longer = (other.retryAtMs ?? Number.MAX_VALUE) - (one.retryAtMs ?? Number.MAX_VALUE);
  return longer === 0 ? compareText(ruleName(one.limit.by), ruleName(other.limit.by)) : longer;
}

function requireAmounts(amounts: Amounts): void {
  for (const name of AMOUNT_NAMES) {
    const amount = amounts[name] ?? 0;
    if (!Number.isFinite(amount) || amount < 0) throw new RangeError(`${amount} is no amount of ${name}`);
  }
}
