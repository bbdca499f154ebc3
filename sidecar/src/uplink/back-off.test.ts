import { describe, expect, test } from '@jest/globals';
import { BackOff, spreadFrom } from './back-off.ts';
import { SharedPosition } from './shared-position.ts';

describe('a pause', () => {
  test('has twice the bound of the one before, up to the greatest, and the first again after a success', () => {
    const backOff = new BackOff(100, 500, () => 1);
    expect([1, 2, 3, 4, 5].map(() => backOff.next())).toEqual([100, 200, 400, 500, 500]);
    backOff.reset();
    expect(backOff.next()).toBe(100);
  });

  test('is drawn below its bound', () => {
    const backOff = new BackOff(100, 500, () => 0.25);
    expect([backOff.next(), backOff.next()]).toEqual([25, 50]);
  });

  test('is spread evenly enough, and the same for the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 1000 }, spreadFrom(seed));
    const numbers = draw(1);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(numbers.filter((number) => number < 0.5).length).toBeGreaterThan(400);
    expect(draw(1)).toEqual(numbers);
    expect(draw(2)).not.toEqual(numbers);
  });
});

describe('the shared position', () => {
  test.each([
    [1, 0],
    [1, 2 ** 32 - 1],
    [2 ** 31 - 1, 17],
  ])('gives back segment %d and offset %d', (segment, offset) => {
    const position = new SharedPosition();
    position.advance({ segment, offset });
    expect(new SharedPosition(position.buffer).read()).toEqual({ segment, offset });
  });

  test('asks for one wake-up when the reader sleeps, and for none when it does not', () => {
    const position = new SharedPosition();
    expect(position.advance({ segment: 1, offset: 1 })).toBe(false);
    expect(position.sleep({ segment: 1, offset: 1 })).toBe(true);
    expect(position.advance({ segment: 1, offset: 2 })).toBe(true);
    expect(position.advance({ segment: 1, offset: 3 })).toBe(false);
  });

  test('keeps the reader awake when more was written than it has seen', () => {
    const position = new SharedPosition();
    position.advance({ segment: 1, offset: 2 });
    expect(position.sleep({ segment: 1, offset: 1 })).toBe(false);
    expect(position.sleep({ segment: 1, offset: 2 })).toBe(true);
  });
});
