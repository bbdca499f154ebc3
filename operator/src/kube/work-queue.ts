import { BackOff } from './back-off.ts';
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

/**
 * Keys to be worked on. A key that is added while it waits is worked on once; one added while it is being worked on is worked on
 * once more afterwards; one that failed comes back after a wait that grows.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #backOffs = new Map<string, BackOff>();
  #wake: () => void = () => {};

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#wake();
  }

  /** Adds the key when `afterMs` have passed. */
  addAfter(key: string, afterMs: number, signal: AbortSignal): void {
    void this.#options.timing.pause(afterMs, signal).then(() => {
      if (!signal.aborted) this.add(key);
    });
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Works until `signal` aborts; resolves when what was begun is ended. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#work(signal)));
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
    if (this.#again.delete(key)) this.add(key);
    if (outcome.kind === 'Done') {
      this.#backOffs.delete(key);
      return;
    }
    let backOff = this.#backOffs.get(key);
    if (backOff === undefined) {
      backOff = new BackOff(AGAIN_MS.first, AGAIN_MS.most, () => this.#options.timing.random());
      this.#backOffs.set(key, backOff);
    }
    this.addAfter(key, outcome.afterMs ?? backOff.next(), signal);
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
      const before = this.#wake;
      const awake = (): void => {
        signal.removeEventListener('abort', awake);
        resolve();
      };
      this.#wake = () => {
        this.#wake = () => {};
        before();
        awake();
      };
      signal.addEventListener('abort', awake, { once: true });
    });
  }
}
