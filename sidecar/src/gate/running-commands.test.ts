import { expect, test } from '@jest/globals';
import { RunningCommands } from './running-commands.ts';

test.each([
  ['a moment later', 1_000_150, 150],
  ['at the same time', 1_000_000, 0],
  ['after the clock was set back', 999_939, 0],
])('a command that ends %s', (_, endedUs, durationUs) => {
  const running = new RunningCommands();
  running.begin(1, 1_000_000);
  running.answered(1, 71);
  expect(running.finish(1, endedUs)).toEqual({ durationUs, answerBytes: 71 });
});

test('a command that never began took no time', () => {
  expect(new RunningCommands().finish(7, 1_000_000)).toEqual({ durationUs: 0, answerBytes: 0 });
});
