import {
  AMOUNT_NAMES,
  type Amounts,
  type ChargeOutcome,
  type Identity,
  LimitLease,
  type LimitRule,
  ruleName,
  type SpendingReport,
  type Sums,
} from '@sidegate/policy';
import type { AskingSession } from './approval-question.ts';
import type { BudgetBook, SessionBudget } from './budget-book.ts';
import { nameOf } from './configuration.ts';
import type { DoorNames } from './door-names.ts';

/** One limit of one agent. */
export interface LeasedAccount {
  readonly access: DoorNames['access'];
  readonly issuer: string;
  readonly subject: string;
  readonly limit: LimitRule;
}

/** Whoever shares limits out hears of every account what is used, and whether more is wanted. */
export type SaySpending = (account: LeasedAccount, report: SpendingReport) => void;

export interface LeasedBudgetsOptions {
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
  /** Resolves after `ms`. */
  readonly pause: (ms: number) => Promise<void>;
  /** Another for each process of the gate. */
  readonly epoch: string;
}

interface Entry {
  account: LeasedAccount;
  readonly key: string;
  readonly epoch: string;
  readonly lease: LimitLease;
  readonly sessions: Set<string>;
  /** When more was asked for last. */
  askedMs: number;
  readonly waiting: Set<() => void>;
}

/** How long a session that opens waits for its first share, in milliseconds. */
const FIRST_SHARE_MS = 5_000;
/** More is asked for no more often than this. */
const AGAIN_MS = 5_000;
const AGAIN_WITHOUT_MS = 1_000;
const WITHIN: ChargeOutcome = { kind: 'Within' };

/**
 * Limits that the gates of several pods share: each uses only what it was given. Without a stream it uses what it has, and then the limit acts as
 * if it were used up.
 */
export class LeasedBudgets implements BudgetBook {
  readonly #options: LeasedBudgetsOptions;
  readonly #entries = new Map<string, Entry>();
  #epochs = 0;
  #say: SaySpending | undefined;

  constructor(options: LeasedBudgetsOptions) {
    this.#options = options;
  }

  /** A stream has begun: everything is said on it. */
  streamBegan(say: SaySpending): void {
    this.#say = say;
    for (const entry of this.#entries.values()) {
      entry.lease.streamBegan();
      this.#report(entry, entry.sessions.size > 0 && entry.lease.isLow(entry.account.limit));
    }
  }

  streamEnded(): void {
    this.#say = undefined;
  }

  granted(key: string, number: number, more: Sums): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.lease.take(number, more);
    for (const wake of entry.waiting) wake();
  }

  recalled(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.lease.giveHalf();
    this.#report(entry, false);
  }

  async prepare({ access }: DoorNames, { verified }: Identity, limits: readonly LimitRule[]): Promise<void> {
    const entries = limits.map((limit) => this.#entryOf(access, verified, limit));
    const late = this.#options.pause(FIRST_SHARE_MS);
    for (const entry of entries) {
      const probe = oneOf(entry.account.limit);
      while (entry.lease.lacks(entry.account.limit, probe) !== undefined && this.#say !== undefined) {
        this.#want(entry);
        const come = new Promise<'Come'>((resolve) => {
          const wake = (): void => {
            entry.waiting.delete(wake);
            resolve('Come');
          };
          entry.waiting.add(wake);
        });
        if ((await Promise.race([come, late])) !== 'Come') return;
      }
    }
  }

  open({ sessionId, door, identity }: AskingSession, limits: readonly LimitRule[]): SessionBudget | undefined {
    if (limits.length === 0) return undefined;
    const entries = limits.map((limit) => this.#entryOf(door.access, identity.verified, limit));
    for (const entry of entries) entry.sessions.add(sessionId);
    return {
      ask: (_, amounts) => this.#ask(entries, amounts),
      charge: (_, amounts) => {
        const outcome = this.#ask(entries, amounts);
        if (outcome.kind === 'Within') for (const { lease } of entries) lease.spend(amounts);
        return outcome;
      },
      spend: (_, amounts) => {
        for (const { lease } of entries) lease.spend(amounts);
      },
      // Whoever shares limits out renewed it, and sent the new share before the last approval.
      renew: () => {},
    };
  }

  sessionEnded(sessionId: string): void {
    for (const { sessions } of this.#entries.values()) sessions.delete(sessionId);
  }

  /** Asks for more where little is left, and gives back what nobody uses. */
  tick(): void {
    for (const entry of this.#entries.values()) {
      if (entry.sessions.size > 0 || entry.waiting.size > 0) {
        if (entry.lease.isLow(entry.account.limit)) this.#want(entry);
      } else if (this.#say !== undefined && this.#options.monotonicMs() - entry.askedMs >= AGAIN_MS) {
        entry.lease.giveAll();
        this.#report(entry, false, true);
        this.#entries.delete(entry.key);
      }
    }
  }

  #ask(entries: readonly Entry[], amounts: Amounts): ChargeOutcome {
    let strictest: Extract<ChargeOutcome, { kind: 'Exceeded' }> | undefined;
    for (const entry of entries) {
      const { limit } = entry.account;
      const amount = entry.lease.lacks(limit, amounts);
      if (amount === undefined) continue;
      this.#want(entry);
      if (strictest === undefined || (limit.action === 'Deny' && strictest.limit.action !== 'Deny'))
        strictest = { kind: 'Exceeded', limit, amount, retryAtMs: undefined };
    }
    return strictest ?? WITHIN;
  }

  #want(entry: Entry): void {
    const sinceMs = this.#options.monotonicMs() - entry.askedMs;
    const isOut = entry.lease.lacks(entry.account.limit, oneOf(entry.account.limit)) !== undefined;
    // What was just used up is said at once: whoever approves more must know that it was used.
    if (sinceMs >= (isOut ? AGAIN_WITHOUT_MS : AGAIN_MS) || (isOut && entry.lease.isUnsaid)) this.#report(entry, true);
  }

  #report(entry: Entry, wants: boolean, ends = false): void {
    if (this.#say === undefined) return;
    entry.askedMs = this.#options.monotonicMs();
    this.#say(entry.account, entry.lease.report(entry.epoch, wants, ends));
  }

  #entryOf(access: DoorNames['access'], { issuer, subject }: Identity['verified'], limit: LimitRule): Entry {
    const account = { access, issuer, subject, limit };
    const key = accountKey(account);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.account = account;
      return known;
    }
    this.#epochs += 1;
    const fresh: Entry = {
      account,
      key,
      epoch: `${this.#options.epoch}-${this.#epochs}`,
      lease: new LimitLease(),
      sessions: new Set(),
      askedMs: Number.NEGATIVE_INFINITY,
      waiting: new Set(),
    };
    this.#entries.set(key, fresh);
    return fresh;
  }
}

/** What an account is known by. */
export function accountKey({ access, issuer, subject, limit }: LeasedAccount): string {
  return JSON.stringify([nameOf(access), issuer, subject, ruleName(limit.by)]);
}

/** One of everything that a limit names. */
function oneOf(limit: LimitRule): Amounts {
  return Object.fromEntries(AMOUNT_NAMES.flatMap((name) => (limit[name] === undefined ? [] : [[name, 1]])));
}
