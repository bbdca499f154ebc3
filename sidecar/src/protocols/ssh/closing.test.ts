import { describe, expect, test } from '@jest/globals';
import type { Playback } from '../playback.ts';
import { writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { sshExhibit } from './testing/exhibit.ts';
import { exec, openPlayback, sentBy, typesOf, u32 } from './testing/ssh-playback.ts';

/** Channels that a connection may have open. */
const CHANNELS_MAX = 2_048;
const CLOSE = writeFrame(MESSAGE.channelClose, u32(0));
const STATUS = writeFrame(MESSAGE.channelRequest, u32(0), 'exit-status', false, u32(3));

/** A session in whose first channel a command runs. */
function runningPlayback(): Playback {
  const playback = openPlayback();
  playback.agent(exec('ls'));
  playback.target(writeFrame(MESSAGE.channelSuccess, u32(0)));
  return playback;
}

const toldBy = (playback: Playback, act: () => void): readonly Uint8Array[] => sentBy(playback, 'Agent', act);
const finished = (playback: Playback): readonly string[] =>
  playback.trace.filter(({ kind }) => kind === 'Finished').map(({ details }) => details);

test('an agent that closes its channel at the end of the output still gets the status, and so does the record', () => {
  const playback = runningPlayback();
  playback.target(writeFrame(MESSAGE.channelEof, u32(0)));
  expect(typesOf(toldBy(playback, () => playback.agent(CLOSE)))).toEqual([]);
  const told = toldBy(playback, () => playback.target(Buffer.concat([STATUS, CLOSE])));
  expect(typesOf(told)).toEqual([MESSAGE.channelRequest, MESSAGE.channelClose]);
  expect(finished(playback)).toEqual([expect.stringContaining('exit 3')]);
  expect([playback.closed, playback.violations]).toEqual([false, []]);
});

test('output that the agent no longer takes does not keep back the status', () => {
  const playback = runningPlayback();
  playback.agent(CLOSE);
  const late = Buffer.concat([writeData(0, false, Buffer.from('late')), STATUS, CLOSE]);
  expect(typesOf(toldBy(playback, () => playback.target(late)))).toEqual([
    MESSAGE.channelRequest,
    MESSAGE.channelClose,
  ]);
  expect(playback.violations).toEqual([]);
});

describe('a status that comes before the last of the output, as sshd gives it at times', () => {
  const told = (playback: Playback): string =>
    Buffer.from(playback.sent('Agent'))
      .toString('latin1')
      .replaceAll(/[^ -~]+/g, ' ');

  test.each([
    ['a status', STATUS],
    ['a signal', writeFrame(MESSAGE.channelRequest, u32(0), 'exit-signal', false, 'TERM', false, '', '')],
    ['an end of writing', writeFrame(MESSAGE.channelRequest, u32(0), 'eow@openssh.com', false)],
  ])('%s does not cut what masks read whole', (_what, between) => {
    const playback = runningPlayback();
    playback.target(Buffer.concat([writeData(0, false, Buffer.from('a ada@exam')), between]));
    playback.target(Buffer.concat([writeData(0, false, Buffer.from('ple.com b')), STATUS]));
    playback.target(Buffer.concat([writeFrame(MESSAGE.channelEof, u32(0)), CLOSE]));
    expect(told(playback)).toContain('a [masked] b');
    expect(told(playback)).not.toContain('ada@exam');
    expect(finished(playback)).toEqual([expect.stringContaining('exit 3')]);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('and comes behind the output that it is the status of', () => {
    const playback = runningPlayback();
    playback.target(writeData(0, false, Buffer.from('no newline')));
    const end = Buffer.concat([STATUS, writeFrame(MESSAGE.channelEof, u32(0)), CLOSE]);
    expect(typesOf(toldBy(playback, () => playback.target(end)))).toEqual([
      MESSAGE.channelData,
      MESSAGE.channelRequest,
      MESSAGE.channelEof,
      MESSAGE.channelClose,
    ]);
  });

  test('but at once when no output is kept back: something in the background may hold the output open', () => {
    const playback = runningPlayback();
    playback.target(writeData(0, false, Buffer.from('started\n')));
    expect(typesOf(toldBy(playback, () => playback.target(STATUS)))).toEqual([MESSAGE.channelRequest]);
  });
});

test('a target that sends more output behind the end of its output is left: masks would read it in two parts', () => {
  const playback = runningPlayback();
  playback.target(
    Buffer.concat([writeData(0, false, Buffer.from('ada@exam')), writeFrame(MESSAGE.channelEof, u32(0))]),
  );
  playback.target(writeData(0, false, Buffer.from('ple.com')));
  expect([playback.closed, playback.violations]).toEqual([true, []]);
});

test('without a status nobody knows how a command ended whose channel the agent closed', () => {
  const playback = runningPlayback();
  playback.agent(CLOSE);
  expect(typesOf(toldBy(playback, () => playback.target(CLOSE)))).toEqual([MESSAGE.channelClose]);
  expect(finished(playback)).toEqual([expect.stringContaining('Lost')]);
});

test('one channel more than a connection may have is refused with the reason, and remarked; the others work', () => {
  const playback = openPlayback();
  const open = (id: number): Uint8Array => writeFrame(MESSAGE.channelOpen, 'session', u32(id), u32(1000), u32(1000));
  const there = sshExhibit.opening.filter(({ from, bytes }) => from === 'Agent' && bytes[4] === MESSAGE.channelOpen);
  const more = Array.from({ length: CHANNELS_MAX - there.length }, (_, at) => open(there.length + at));
  expect(toldBy(playback, () => playback.agent(Buffer.concat(more)))).toEqual([]);
  const told = toldBy(playback, () => playback.agent(open(CHANNELS_MAX)));
  expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
  expect(Buffer.concat(told).toString('latin1')).toContain(`sidegate: denied: ${CHANNELS_MAX} channels are open`);
  expect(playback.trace.filter(({ kind }) => kind === 'Remark')).toHaveLength(1);
  playback.agent(exec('ls'));
  expect(playback.trace.filter(({ kind }) => kind === 'Judge')).toHaveLength(1);
  expect([playback.closed, playback.violations]).toEqual([false, []]);
});
