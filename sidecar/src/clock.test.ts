import { expect, test } from '@jest/globals';
import { openClock } from './clock.ts';

test('a step of the machine’s clock counts from the next look at it on', () => {
  let wall = 1_000_000;
  let monotonic = 5;
  const clock = openClock(
    () => wall,
    () => monotonic,
  );
  monotonic += 2.5;
  wall -= 3_600_000;
  expect(clock.nowUs()).toBe(1_000_002_500);
  clock.follow();
  expect(clock.nowMs()).toBe(1_000_000 - 3_600_000);
});
