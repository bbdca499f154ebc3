/** Time, injected. */
export interface Timing {
  /** Milliseconds since the epoch: what others read. Somebody may set it back or forward. */
  nowMs(): number;
  /** Milliseconds since some moment: what durations are measured with. Never goes back. */
  monotonicMs(): number;
  /** From 0 up to 1. */
  random(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** A timer of the machine that is set for longer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's own. A pause is 24 days at most. */
export const MACHINE_TIME: Timing = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, TIMER_MS_MAX));
      signal.addEventListener('abort', done);
    }),
};
