import { test } from '@jest/globals';

/** `test` when `given` is there; else a skipped test, and one line on standard error that says why. */
export function testGiven(given: unknown, why: string): typeof test | typeof test.skip {
  if (given !== undefined && given !== false) return test;
  process.stderr.write(`skipped: ${why}\n`);
  return test.skip;
}
