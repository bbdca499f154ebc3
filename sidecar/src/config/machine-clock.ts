import { pause } from '@sidegate/crds';
import type { ControlClock } from './control-stream.ts';

/** The machine's time for the control stream. */
export const MACHINE_CLOCK: ControlClock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  random: Math.random,
  pause,
};
