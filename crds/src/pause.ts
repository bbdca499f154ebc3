/** A timer of the machine that is set for longer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Resolves after `ms` milliseconds (24 days at most), or at once when `signal` aborts; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
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
  });
}
