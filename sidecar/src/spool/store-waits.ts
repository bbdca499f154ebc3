import { type Fault, fail, ok, type Result } from '@sidegate/crds';

type Stored = Result<void, Fault<'StoreUnavailable'>>;

interface Wait {
  /** By session, the event up to which the store must still confirm. */
  readonly missing: Map<string, number>;
  readonly settle: (result: Stored) => void;
}

/** Commits that may be acted on only when the store has them. */
export class StoreWaits {
  readonly #waitMs: number;
  readonly #waits = new Map<string, Set<Wait>>();
  /** Sessions that go on, or whose end is not written. */
  readonly #open = new Set<string>();
  readonly #refused = new Map<string, string>();

  /** A wait ends with a fault after `waitMs`. */
  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** Settles when all of `missing` is confirmed, or with a fault; never rejects. */
  wait(missing: Map<string, number>): Promise<Stored> {
    for (const sessionId of missing.keys()) {
      const why = this.#refused.get(sessionId);
      if (why !== undefined) return Promise.resolve(unavailable(why));
    }
    const { promise, resolve } = Promise.withResolvers<Stored>();
    const timer = setTimeout(() => {
      wait.settle(unavailable(`The store did not confirm this within ${this.#waitMs} ms.`));
    }, this.#waitMs);
    timer.unref();
    const wait: Wait = {
      missing,
      settle: (result) => {
        clearTimeout(timer);
        for (const sessionId of missing.keys()) this.#remove(sessionId, wait);
        resolve(result);
      },
    };
    for (const sessionId of missing.keys()) this.#add(sessionId, wait);
    return promise;
  }

  /** The store has this session's events up to `sequence`. */
  stored(sessionId: string, sequence: number): void {
    for (const wait of this.#waits.get(sessionId) ?? []) {
      if ((wait.missing.get(sessionId) ?? 0) > sequence) continue;
      this.#remove(sessionId, wait);
      wait.missing.delete(sessionId);
      if (wait.missing.size === 0) wait.settle(ok(undefined));
    }
  }

  /** The session begins. */
  begin(sessionId: string): void {
    this.#open.add(sessionId);
  }

  /** The store will never take this session's record. */
  refused(sessionId: string, why: string): void {
    if (this.#open.has(sessionId)) this.#refused.set(sessionId, why);
    for (const wait of this.#waits.get(sessionId) ?? []) wait.settle(unavailable(why));
  }

  /** The session is over, and nothing of it is to be committed any more. */
  forget(sessionId: string): void {
    this.#open.delete(sessionId);
    this.#refused.delete(sessionId);
  }

  /** Nobody will confirm anything any more. */
  close(): void {
    for (const wait of new Set([...this.#waits.values()].flatMap((waits) => [...waits]))) {
      wait.settle(unavailable('The gate is stopping.'));
    }
  }

  #add(sessionId: string, wait: Wait): void {
    const waits = this.#waits.get(sessionId);
    if (waits === undefined) this.#waits.set(sessionId, new Set([wait]));
    else waits.add(wait);
  }

  #remove(sessionId: string, wait: Wait): void {
    const waits = this.#waits.get(sessionId);
    waits?.delete(wait);
    if (waits?.size === 0) this.#waits.delete(sessionId);
  }
}

function unavailable(message: string): Stored {
  return fail({ code: 'StoreUnavailable', message });
}
