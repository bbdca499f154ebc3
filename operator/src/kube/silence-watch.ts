import type { Timing } from './timing.ts';

/** Aborts its signal when nothing was heard for a while: of a peer that is gone without a word, no error ever comes. */
export class SilenceWatch {
  readonly #timing: Timing;
  readonly #silenceMs: number;
  readonly #quiet = new AbortController();
  readonly #ended = new AbortController();
  #heardMs: number;
  /** Aborts on silence, or when the signal that was given aborts. */
  readonly signal: AbortSignal;

  constructor(timing: Timing, silenceMs: number, signal: AbortSignal) {
    this.#timing = timing;
    this.#silenceMs = silenceMs;
    this.#heardMs = timing.monotonicMs();
    this.signal = AbortSignal.any([signal, this.#quiet.signal]);
    void this.#watch(AbortSignal.any([signal, this.#ended.signal]));
  }

  /** True when it was silence that aborted the signal. */
  get silent(): boolean {
    return this.#quiet.signal.aborted;
  }

  heard(): void {
    this.#heardMs = this.#timing.monotonicMs();
  }

  /** Ends the watch; the signal stays as it is. */
  end(): void {
    this.#ended.abort();
  }

  async #watch(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      const leftMs = this.#heardMs + this.#silenceMs - this.#timing.monotonicMs();
      if (leftMs <= 0) return this.#quiet.abort();
      await this.#timing.pause(leftMs, ended);
    }
  }
}
