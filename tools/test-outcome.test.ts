import { describe, expect, test } from '@jest/globals';
import { outcomeOf, report, sumOf } from './test-outcome.ts';

const result = (changes: object) =>
  JSON.stringify({
    numPassedTests: 2,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 0,
    testResults: [{ name: 'a.test.ts', status: 'passed', message: '' }],
    ...changes,
  });
const failedSuite = { testResults: [{ name: 'a.test.ts', status: 'failed', message: 'why\nit failed' }] };

describe('the outcome of a run', () => {
  test.each([
    ['all pass', result({}), { passed: 2, failed: 0, skipped: 0 }],
    ['one fails', result({ numFailedTests: 1, ...failedSuite }), { passed: 2, failed: 1, skipped: 0 }],
    ['a file does not load', result({ numRuntimeErrorTestSuites: 1, ...failedSuite }), { passed: 2, failed: 1 }],
    ['some are skipped', result({ numPendingTests: 3, numTodoTests: 1 }), { passed: 2, failed: 0, skipped: 4 }],
    ['no result', undefined, { passed: 0, failed: 1 }],
    ['half a result', '{"numPassedTests": 2', { passed: 0, failed: 1 }],
    ['a result of another shape', '[]', { passed: 0, failed: 1 }],
  ])('%s', (_what, json, expected) => {
    expect(outcomeOf(json)).toMatchObject(expected);
  });
});

describe('the report', () => {
  const green = outcomeOf(result({}));
  const red = outcomeOf(result({ numFailedTests: 1, ...failedSuite }));

  test('is one line when all pass', () => {
    expect(report(sumOf([green, green]), 150)).toBe('Tests: 4 passed, 0 failed\n');
  });

  test('tells the failures before its last line', () => {
    expect(report(sumOf([green, red]), 150)).toBe('a.test.ts\nwhy\nit failed\n\nTests: 4 passed, 1 failed\n');
  });

  test('cuts the failures from above and says so', () => {
    expect(report(red, 1)).toBe('(the last 1 of 3 lines of failures)\nit failed\n\nTests: 2 passed, 1 failed\n');
  });

  test('names what was skipped', () => {
    expect(report(outcomeOf(result({ numPendingTests: 1 })), 150)).toBe('Skipped: 1\nTests: 2 passed, 0 failed\n');
  });
});
