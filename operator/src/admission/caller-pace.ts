import type { Timing } from '../kube/timing.ts';

/** What callers may take. */
interface Share {
  /** Of the process's time, once, in milliseconds: people who apply many resources do not wait. */
  readonly atOnceMs: number;
  /** And of each millisecond that passes. */
  readonly part: number;
  readonly bytes: number;
}

const EACH: Share = { atOnceMs: 2_000, part: 1 / 4, bytes: 12 << 20 };
const ALL: Share = { atOnceMs: 4_000, part: 1 / 2, bytes: 48 << 20 };
/** What a request counts for at least, so that small ones cannot be without number. */
const REQUEST_BYTES = 64 << 10;

interface Account {
  leftMs: number;
  atMs: number;
  bytes: number;
}

/**
 * Who may take how much of the process. Nobody proves to be the API server to a webhook, and agents reach it too: one that kept the operator busy would keep
 * new rules from every gate. Callers are told apart by their addresses; each has a share, so that one takes nothing from others, and so have all together.
 */
export class CallerPace {
  readonly #timing: Timing;
  readonly #callers = new Map<string, Account>();
  readonly #all: Account;

  constructor(timing: Timing) {
    this.#timing = timing;
    this.#all = this.#opened(ALL);
  }

  /** A request begins; false: the caller has too much under way already, or all have. */
  begin(caller: string): boolean {
    this.#forget();
    return this.hold(caller, REQUEST_BYTES);
  }

  /** More of it came; false: as above. */
  hold(caller: string, bytes: number): boolean {
    const account = this.#of(caller);
    if (account.bytes + bytes > EACH.bytes || this.#all.bytes + bytes > ALL.bytes) return false;
    account.bytes += bytes;
    this.#all.bytes += bytes;
    return true;
  }

  /** It is over; `bytes`: what was held since it began. */
  end(caller: string, bytes: number): void {
    this.#of(caller).bytes -= bytes + REQUEST_BYTES;
    this.#all.bytes -= bytes + REQUEST_BYTES;
  }

  /** Does the work when it is the caller's turn; undefined: `signal` aborted before. */
  async turn<T>(caller: string, signal: AbortSignal, work: () => T): Promise<T | undefined> {
    const account = this.#of(caller);
    while (!signal.aborted) {
      const waitMs = Math.max(this.#waitMs(account, EACH), this.#waitMs(this.#all, ALL));
      if (waitMs <= 0) return this.#done(account, work);
      await this.#timing.pause(waitMs, signal);
    }
    return undefined;
  }

  /** Callers that are remembered. */
  get size(): number {
    return this.#callers.size;
  }

  #done<T>(account: Account, work: () => T): T {
    const fromMs = this.#timing.monotonicMs();
    try {
      return work();
    } finally {
      const tookMs = this.#timing.monotonicMs() - fromMs;
      account.leftMs -= tookMs;
      this.#all.leftMs -= tookMs;
    }
  }

  /** Until something is left. */
  #waitMs(account: Account, share: Share): number {
    this.#refill(account, share);
    return account.leftMs > 0 ? 0 : Math.ceil((1 - account.leftMs) / share.part);
  }

  #refill(account: Account, share: Share): void {
    const nowMs = this.#timing.monotonicMs();
    account.leftMs = Math.min(share.atOnceMs, account.leftMs + (nowMs - account.atMs) * share.part);
    account.atMs = nowMs;
  }

  #of(caller: string): Account {
    const account = this.#callers.get(caller) ?? this.#opened(EACH);
    this.#callers.set(caller, account);
    return account;
  }

  #opened(share: Share): Account {
    return { leftMs: share.atOnceMs, atMs: this.#timing.monotonicMs(), bytes: 0 };
  }

  /** Of whom nothing is under way, and who has its whole share, nothing is to be known. */
  #forget(): void {
    for (const [caller, account] of this.#callers) {
      this.#refill(account, EACH);
      if (account.bytes === 0 && account.leftMs === EACH.atOnceMs) this.#callers.delete(caller);
    }
  }
}
