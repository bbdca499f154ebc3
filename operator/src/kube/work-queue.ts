import { BackOff } from '@sidegate/crds';
import type { Timing } from './timing.ts';

/** How one piece of work ended. `Again` after the given wait, or after a growing one. */
export type Outcome =
  | { readonly kind: 'Done' }
  | { readonly kind: 'Again'; readonly afterMs?: number; readonly why: string };

export interface WorkQueueOptions {
  readonly timing: Timing;
  /** How many keys are worked on at the same time; the same key never twice. */
  readonly workers: number;
  readonly work: (key: string, signal: AbortSignal) => Promise<Outcome>;
  readonly trouble: (what: string) => void;
}

const AGAIN_MS = { first: 100, most: 60_000 } as const;

interface Appointment {
  readonly atMs: number;
  readonly cancel: AbortController;
}

/**
 * Keys to be worked on. A key that is added while it waits is worked on once; one added while it is being worked on is worked on
 * once more afterwards; one that failed comes back after a wait that grows, once, however often it was asked for.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #later = new Map<string, Appointment>();
  readonly #backOffs = new Map<string, BackOff>();
  readonly #sleepers = new Set<() => void>();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** A failure of before is not waited for: something changed. */
  add(key: string): void {
    this.#cancel(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    for (const wake of this.#sleepers) wake();
  }

  /** Adds the key when `afterMs` have passed; when it is to be added sooner already, that stands. */
  addAfter(key: string, afterMs: number, signal: AbortSignal): void {
    const { timing } = this.#options;
    const atMs = timing.monotonicMs() + afterMs;
    if (this.#waiting.has(key) || (this.#later.get(key)?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) return;
    this.#cancel(key);
    const cancel = new AbortController();
    this.#later.set(key, { atMs, cancel });
    const stopped = AbortSignal.any([signal, cancel.signal]);
    void timing.pause(afterMs, stopped).then(() => {
      if (!stopped.aborted) this.add(key);
    });
  }

  /** Keys that wait to be worked on now. */
  get length(): number {
    return this.#waiting.size;
  }

  /** Works until `signal` aborts; resolves when what was begun is ended. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#work(signal)));
  }

  #cancel(key: string): void {
    this.#later.get(key)?.cancel.abort();
    this.#later.delete(key);
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [key] = this.#waiting;
      if (key === undefined) {
        await this.#sleep(signal);
        continue;
      }
      this.#waiting.delete(key);
      this.#running.add(key);
      const outcome = await this.#attempt(key, signal);
      this.#running.delete(key);
      this.#settle(key, outcome, signal);
    }
  }

  #settle(key: string, outcome: Outcome, signal: AbortSignal): void {
    if (outcome.kind === 'Done') {
      this.#backOffs.delete(key);
      if (this.#again.delete(key)) this.add(key);
      return;
    }
    let backOff = this.#backOffs.get(key);
    if (backOff === undefined) {
      backOff = new BackOff(AGAIN_MS.first, AGAIN_MS.most, () => this.#options.timing.random());
      this.#backOffs.set(key, backOff);
    }
    const afterMs = outcome.afterMs ?? backOff.next();
    if (this.#again.delete(key)) this.add(key);
    else this.addAfter(key, afterMs, signal);
  }

  async #attempt(key: string, signal: AbortSignal): Promise<Outcome> {
    try {
      return await this.#options.work(key, signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown reason';
      this.#options.trouble(`${key} could not be worked on: ${why}`);
      return { kind: 'Again', why };
    }
  }

  /** Every sleeping worker is woken by one addition; those that find nothing sleep again. */
  #sleep(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
