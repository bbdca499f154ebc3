import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { pause } from './pause.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

async function isOver(paused: Promise<void>): Promise<boolean> {
  let over = false;
  void paused.then(() => {
    over = true;
  });
  await Promise.resolve();
  return over;
}

test.each([
  ['a moment before its end', 99, false],
  ['at its end', 100, true],
])('%s', async (_, ms, over) => {
  const paused = pause(100, new AbortController().signal);
  jest.advanceTimersByTime(ms);
  expect(await isOver(paused)).toBe(over);
});

test('it ends with its signal, and leaves no timer behind', async () => {
  const stop = new AbortController();
  const paused = pause(100, stop.signal);
  expect(await isOver(paused)).toBe(false);
  stop.abort();
  expect([await isOver(paused), jest.getTimerCount()]).toEqual([true, 0]);
  expect(await isOver(pause(100, stop.signal))).toBe(true);
});

test('one that is longer than a timer can be does not end at once', async () => {
  const paused = pause(2 ** 40, new AbortController().signal);
  jest.advanceTimersByTime(1_000);
  expect(await isOver(paused)).toBe(false);
});
