import { pause } from '@sidegate/crds';

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

/** The machine's own. A pause is 24 days at most. */
export const MACHINE_TIME: Timing = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  pause,
};
