import { expect, test } from '@jest/globals';
import { Playback } from '../playback.ts';
import { type Field, FrameReader, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { SshSession } from './session.ts';
import { sshExhibit } from './testing/exhibit.ts';

const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
const u32 = (uint32: number): Field => ({ uint32 });

/** What the target is sent once a session is open, the agent's messages coming in one piece or each by itself. */
function sentBehindOpening(messages: readonly Uint8Array[], inOne: boolean): Playback {
  const session = new SshSession({ ...sshExhibit.sessionOptions(LIMITS), shared: undefined });
  const playback = new Playback(session, sshExhibit.answers);
  for (const { from, bytes } of sshExhibit.opening) {
    if (from === 'Agent') playback.agent(bytes);
    else playback.target(bytes);
  }
  for (const bytes of inOne ? [Buffer.concat(messages)] : messages) playback.agent(bytes);
  return playback;
}

function typesOf(bytes: Uint8Array): readonly (number | undefined)[] {
  const reader = new FrameReader(1 << 20);
  reader.feed(bytes);
  const types: (number | undefined)[] = [];
  for (let one = reader.next(); one instanceof Uint8Array; one = reader.next()) types.push(one[0]);
  return types;
}

const exec = (text: string): Uint8Array => writeFrame(MESSAGE.channelRequest, u32(0), 'exec', true, text);

test('what comes behind a command that is refused, in the same read, goes to no channel that was closed for it', () => {
  const widen = writeFrame(MESSAGE.channelWindowAdjust, u32(0), u32(100_000));
  const playback = sentBehindOpening([exec('rm -rf everything'), widen], true);
  expect(typesOf(playback.sent('Target')).at(-1)).toBe(MESSAGE.channelClose);
});

test.each([
  ['the end of the connection', writeFrame(MESSAGE.disconnect, u32(11), 'disconnected by user', '')],
  ['the close of its channel', writeFrame(MESSAGE.channelClose, u32(0))],
  ['what is no message', writeFrame(MESSAGE.channelData, u32(77), 'x')],
])('a command runs whether %s comes in the same read or the next', (_, behind) => {
  const [inOne, byItself] = [true, false].map((way) => sentBehindOpening([exec('ls'), behind], way));
  expect(typesOf(inOne?.sent('Target') ?? Buffer.alloc(0))).toContain(MESSAGE.channelRequest);
  expect(inOne?.sent('Target')).toEqual(byItself?.sent('Target'));
});

test('what comes behind a command that is held is taken while it waits', () => {
  const other = writeFrame(MESSAGE.channelRequest, u32(1), 'exec', true, 'ls');
  const playback = sentBehindOpening([exec('uptime'), other], true);
  expect(playback.trace.filter(({ kind }) => kind === 'Judge')).toHaveLength(2);
  expect(playback.violations).toEqual([]);
});
