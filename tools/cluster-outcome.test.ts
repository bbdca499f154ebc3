import { expect, test } from '@jest/globals';
import { clusterOutcome } from './cluster-outcome.ts';

const LINES = 'ok    a: it works\nskip  b: not here\nok    c: it works\n';

test('each case counts', () => {
  expect(clusterOutcome(0, LINES, '')).toEqual({ passed: 2, failed: 0, skipped: 1, failures: [] });
});

test('a failed case is told with all that was said', () => {
  const outcome = clusterOutcome(1, `${LINES}FAIL  d: it works\n`, 'why\n');
  expect(outcome).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
  expect(outcome.failures.join('')).toContain('why');
});

test('no cluster is one skipped test', () => {
  expect(clusterOutcome(3, '', 'no cluster: no root\n')).toEqual({ passed: 0, failed: 0, skipped: 1, failures: [] });
});

test('a run that breaks off is one failed test', () => {
  expect(clusterOutcome(null, LINES, '')).toMatchObject({ passed: 2, failed: 1 });
  expect(clusterOutcome(3, LINES, '')).toMatchObject({ failed: 1 });
});
