import { expect, test } from '@jest/globals';
import { type Condition, nextConditions, sameConditions, type Verdict } from './conditions.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const VERDICT: Verdict = { type: 'Ready', status: 'True', reason: 'Fine', message: 'All is well.' };
const BEFORE: Condition = { ...VERDICT, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };

test('a first condition is dated now, to the second', () => {
  expect(nextConditions([], [VERDICT], 3, NOW)).toEqual([
    { ...VERDICT, observedGeneration: 3, lastTransitionTime: '2026-01-02T03:04:05Z' },
  ]);
});

test.each([
  ['another reason', { reason: 'Other' }, '2026-01-01T00:00:00Z'],
  ['another message', { message: 'Other.' }, '2026-01-01T00:00:00Z'],
  ['another status', { status: 'False' }, '2026-01-02T03:04:05Z'],
] as const)('%s', (_, change, lastTransitionTime) => {
  expect(nextConditions([BEFORE], [{ ...VERDICT, ...change }], 1, NOW)[0]?.lastTransitionTime).toBe(lastTransitionTime);
});

test.each([
  ['nothing', {}, true],
  ['the time alone', { lastTransitionTime: '2026-01-09T00:00:00Z' }, true],
  ['the generation', { observedGeneration: 2 }, false],
  ['the message', { message: 'Other.' }, false],
  ['the reason', { reason: 'Other' }, false],
  ['the status', { status: 'False' }, false],
] as const)('a change of %s', (_, change, same) => {
  const other: Condition = { ...BEFORE, type: 'Accepted' };
  expect(sameConditions([BEFORE, other], [other, { ...BEFORE, ...change }])).toBe(same);
});

test('a condition that came or went is a change', () => {
  expect(sameConditions([BEFORE], [])).toBe(false);
  expect(sameConditions([], [BEFORE])).toBe(false);
});

test('a message longer than the API takes is cut', () => {
  const [condition] = nextConditions([], [{ ...VERDICT, message: 'm'.repeat(40_000) }], 1, NOW);
  expect(condition?.message.length).toBe(32_768);
});
