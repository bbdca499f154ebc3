import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Stored } from '../recorder.ts';

type Outcome = Result<void, Fault<'StoreUnavailable'>>;

interface Wait {
  /** The event up to which the store must still confirm. */
  readonly sequence: number;
  readonly settle: (outcome: Outcome) => void;
}

/** What of each session may be acted on only when the store has it. One session's waits are nothing to the others. */
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

  /** Settles when the store has the session's events up to `sequence`, or with a fault. */
  wait(sessionId: string, sequence: number): Stored {
    const why = this.#refused.get(sessionId);
    if (why !== undefined) return Promise.resolve(unavailable(why));
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => {
      wait.settle(unavailable(`The store did not confirm this within ${this.#waitMs} ms.`));
    }, this.#waitMs);
    timer.unref();
    const wait: Wait = {
      sequence,
      settle: (outcome) => {
        clearTimeout(timer);
        this.#remove(sessionId, wait);
        resolve(outcome);
      },
    };
    this.#add(sessionId, wait);
    return promise;
  }

  /** The store has this session's events up to `sequence`. */
  stored(sessionId: string, sequence: number): void {
    for (const wait of this.#waits.get(sessionId) ?? []) {
      if (wait.sequence <= sequence) wait.settle(ok(undefined));
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
    for (const waits of this.#waits.values())
      for (const wait of waits) wait.settle(unavailable('The gate is stopping.'));
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

function unavailable(message: string): Outcome {
  return fail({ code: 'StoreUnavailable', message });
}
