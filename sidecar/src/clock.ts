/** The gate's clock: smooth from one look to the next, and never far from the machine's. */
export interface Clock {
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Takes over the machine's time; called now and then, so that a clock that was set counts soon. */
  readonly follow: () => void;
}

/** The machine's time is in whole milliseconds: two looks at it that differ by less than one may be the same moment. */
const GRAIN_MS = 1;

/**
 * Durations come from the monotonic clock and moments from the machine's: between two calls of `follow` a step of the machine's
 * clock changes nothing, so the events of one command stay in order.
 */
export function openClock(wallMs: () => number = Date.now, monotonicMs: () => number = () => performance.now()): Clock {
  let offsetMs = wallMs() - monotonicMs();
  return {
    nowUs: () => Math.round((offsetMs + monotonicMs()) * 1000),
    nowMs: () => Math.round(offsetMs + monotonicMs()),
    follow() {
      const nextMs = wallMs() - monotonicMs();
      if (Math.abs(nextMs - offsetMs) >= GRAIN_MS) offsetMs = nextMs;
    },
  };
}
