import type { ControlClock } from './control-stream.ts';

/** The machine's time for the control stream. */
export const MACHINE_CLOCK: ControlClock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  random: Math.random,
  pause: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
    }),
};
