import { expect, test } from '@jest/globals';
import { BackOff } from './back-off.ts';

test('a wait is twice the one before, up to the most, and the first again after a success', () => {
  const backOff = new BackOff(100, 500, () => 0);
  expect([1, 2, 3, 4, 5].map(() => backOff.next())).toEqual([100, 200, 400, 500, 500]);
  backOff.reset();
  expect(backOff.next()).toBe(100);
});

test.each([
  [0, 100],
  [0.5, 75],
  [0.999, 50],
])('chance %d takes up to half of it off', (chance, wait) => {
  expect(new BackOff(100, 500, () => chance).next()).toBe(wait);
});
