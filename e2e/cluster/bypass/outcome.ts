import type { Ended } from '../cluster.ts';

/** What came of an attempt, and what whoever made it was told. */
export interface Outcome {
  readonly succeeded: boolean;
  readonly said: string;
}

/** What a program that ended says of the attempt. */
export function outcomeOf({ code, stdout, stderr }: Ended, succeeded = code === 0): Outcome {
  return { succeeded, said: `${stdout}${stderr}`.trim() };
}
