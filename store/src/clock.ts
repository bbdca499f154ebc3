/** The time in microseconds since the epoch. Passed in, so that tests set it. */
export type Clock = () => number;

/** The machine's own clock, to the microsecond where the machine has it. */
export function systemClock(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
