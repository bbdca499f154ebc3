import { expect, test } from '@jest/globals';
import type { Playback } from '../playback.ts';
import { writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { exec, messagesIn, openPlayback, typesOf, u32 } from './testing/ssh-playback.ts';

/** What the target is sent once a session is open, the agent's messages coming in one piece or each by itself. */
function sentBehindOpening(messages: readonly Uint8Array[], inOne: boolean): Playback {
  const playback = openPlayback();
  for (const bytes of inOne ? [Buffer.concat(messages)] : messages) playback.agent(bytes);
  return playback;
}

const sentTypes = (playback: Playback | undefined): readonly (number | undefined)[] =>
  typesOf(messagesIn(playback?.sent('Target') ?? Buffer.alloc(0)));

test('what comes behind a command that is refused, in the same read, goes to no channel that was closed for it', () => {
  const widen = writeFrame(MESSAGE.channelWindowAdjust, u32(0), u32(100_000));
  const playback = sentBehindOpening([exec('rm -rf everything'), widen], true);
  expect(sentTypes(playback).at(-1)).toBe(MESSAGE.channelClose);
});

test.each([
  ['the end of the connection', writeFrame(MESSAGE.disconnect, u32(11), 'disconnected by user', '')],
  ['the close of its channel', writeFrame(MESSAGE.channelClose, u32(0))],
  ['what is no message', writeFrame(MESSAGE.channelData, u32(77), 'x')],
])('a command runs whether %s comes in the same read or the next', (_, behind) => {
  const [inOne, byItself] = [true, false].map((way) => sentBehindOpening([exec('ls'), behind], way));
  expect(sentTypes(inOne)).toContain(MESSAGE.channelRequest);
  expect(inOne?.sent('Target')).toEqual(byItself?.sent('Target'));
});

test('what comes behind a command that is held is taken while it waits', () => {
  const other = exec('ls', 1);
  const playback = sentBehindOpening([exec('uptime'), other], true);
  expect(playback.trace.filter(({ kind }) => kind === 'Judge')).toHaveLength(2);
  expect(playback.violations).toEqual([]);
});
