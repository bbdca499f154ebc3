import { expect, test } from '@jest/globals';
import { Playback } from '../playback.ts';
import { type Field, FrameReader, writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { SshSession } from './session.ts';
import { sshExhibit } from './testing/exhibit.ts';

const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
/** Channels that a connection may have open. */
const CHANNELS_MAX = 2_048;
const u32 = (uint32: number): Field => ({ uint32 });
const CLOSE = writeFrame(MESSAGE.channelClose, u32(0));
const STATUS = writeFrame(MESSAGE.channelRequest, u32(0), 'exit-status', false, u32(3));

function openPlayback(): Playback {
  const session = new SshSession({ ...sshExhibit.sessionOptions(LIMITS), shared: undefined });
  const playback = new Playback(session, sshExhibit.answers);
  for (const { from, bytes } of sshExhibit.opening) {
    if (from === 'Agent') playback.agent(bytes);
    else playback.target(bytes);
  }
  return playback;
}

/** A session in whose first channel a command runs. */
function runningPlayback(): Playback {
  const playback = openPlayback();
  playback.agent(writeFrame(MESSAGE.channelRequest, u32(0), 'exec', true, 'ls'));
  playback.target(writeFrame(MESSAGE.channelSuccess, u32(0)));
  return playback;
}

function toldBy(playback: Playback, act: () => void): readonly Uint8Array[] {
  const before = playback.sent('Agent').length;
  act();
  const reader = new FrameReader(1 << 20);
  reader.feed(playback.sent('Agent').subarray(before));
  const messages: Uint8Array[] = [];
  for (let one = reader.next(); one instanceof Uint8Array; one = reader.next()) messages.push(one);
  return messages;
}

const types = (messages: readonly Uint8Array[]): readonly (number | undefined)[] => messages.map(([type]) => type);
const finished = (playback: Playback): readonly string[] =>
  playback.trace.filter(({ kind }) => kind === 'Finished').map(({ details }) => details);

test('an agent that closes its channel at the end of the output still gets the status, and so does the record', () => {
  const playback = runningPlayback();
  playback.target(writeFrame(MESSAGE.channelEof, u32(0)));
  expect(types(toldBy(playback, () => playback.agent(CLOSE)))).toEqual([]);
  const told = toldBy(playback, () => playback.target(Buffer.concat([STATUS, CLOSE])));
  expect(types(told)).toEqual([MESSAGE.channelRequest, MESSAGE.channelClose]);
  expect(finished(playback)).toEqual([expect.stringContaining('exit 3')]);
  expect([playback.closed, playback.violations]).toEqual([false, []]);
});

test('output that the agent no longer takes does not keep back the status', () => {
  const playback = runningPlayback();
  playback.agent(CLOSE);
  const late = Buffer.concat([writeData(0, false, Buffer.from('late')), STATUS, CLOSE]);
  expect(types(toldBy(playback, () => playback.target(late)))).toEqual([MESSAGE.channelRequest, MESSAGE.channelClose]);
  expect(playback.violations).toEqual([]);
});

test('without a status nobody knows how a command ended whose channel the agent closed', () => {
  const playback = runningPlayback();
  playback.agent(CLOSE);
  expect(types(toldBy(playback, () => playback.target(CLOSE)))).toEqual([MESSAGE.channelClose]);
  expect(finished(playback)).toEqual([expect.stringContaining('Lost')]);
});

test('one channel more than a connection may have is refused with the reason, and remarked; the others work', () => {
  const playback = openPlayback();
  const open = (id: number): Uint8Array => writeFrame(MESSAGE.channelOpen, 'session', u32(id), u32(1000), u32(1000));
  const there = sshExhibit.opening.filter(({ from, bytes }) => from === 'Agent' && bytes[4] === MESSAGE.channelOpen);
  const more = Array.from({ length: CHANNELS_MAX - there.length }, (_, at) => open(there.length + at));
  expect(toldBy(playback, () => playback.agent(Buffer.concat(more)))).toEqual([]);
  const told = toldBy(playback, () => playback.agent(open(CHANNELS_MAX)));
  expect(types(told)).toEqual([MESSAGE.channelOpenFailure]);
  expect(Buffer.concat(told).toString('latin1')).toContain(`sidegate: denied: ${CHANNELS_MAX} channels are open`);
  expect(playback.trace.filter(({ kind }) => kind === 'Remark')).toHaveLength(1);
  playback.agent(writeFrame(MESSAGE.channelRequest, u32(0), 'exec', true, 'ls'));
  expect(playback.trace.filter(({ kind }) => kind === 'Judge')).toHaveLength(1);
  expect([playback.closed, playback.violations]).toEqual([false, []]);
});
