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

test('a look at the machine’s clock, which is in whole milliseconds, sets nothing back', () => {
  let elapsed = 0;
  const clock = openClock(
    () => Math.floor(1_000_000.9 + elapsed),
    () => elapsed,
  );
  let beforeUs = clock.nowUs();
  for (let step = 0; step < 5_000; step += 1) {
    elapsed += 0.317;
    clock.follow();
    expect(clock.nowUs()).toBeGreaterThan(beforeUs);
    beforeUs = clock.nowUs();
  }
});

test('a clock that drifts is followed', () => {
  let elapsed = 0;
  const clock = openClock(
    () => 1_000_000 + elapsed * 1.01,
    () => elapsed,
  );
  for (let step = 0; step < 1_000; step += 1) {
    elapsed += 10;
    clock.follow();
  }
  expect(Math.abs(clock.nowMs() - (1_000_000 + elapsed * 1.01))).toBeLessThanOrEqual(1);
});
