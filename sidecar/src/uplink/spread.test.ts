import { expect, test } from '@jest/globals';
import { spreadFrom } from './spread.ts';

test('chance is spread evenly enough, and the same for the same seed', () => {
  const draw = (seed: number) => Array.from({ length: 1000 }, spreadFrom(seed));
  const numbers = draw(1);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(numbers.filter((number) => number < 0.5).length).toBeGreaterThan(400);
  expect(draw(1)).toEqual(numbers);
  expect(draw(2)).not.toEqual(numbers);
});
