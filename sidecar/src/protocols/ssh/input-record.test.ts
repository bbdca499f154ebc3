import { describe, expect, test } from '@jest/globals';
import { openMint } from '../../permit.ts';
import type { Playback } from '../playback.ts';
import { RunningCommand } from './channel.ts';
import { type Field, MessageReader, writeData, writeFrame } from './codec.ts';
import { LENGTH_BYTES, MESSAGE } from './messages.ts';
import { WHOLE_BYTES_MAX } from './stream-mask.ts';
import { MASKS, NO_SSH_MASKS } from './testing/exhibit.ts';
import { exec, openPlayback, u32 } from './testing/ssh-playback.ts';

const CHANNEL = 1;
const CLOSE = writeFrame(MESSAGE.channelClose, u32(CHANNEL));
const typed = (text: string): Uint8Array => writeData(CHANNEL, false, Buffer.from(text));

/** A session in whose channel a command runs that reads its input. */
function runningPlayback(): Playback {
  const playback = openPlayback();
  playback.agent(exec('cat', CHANNEL));
  playback.target(writeFrame(MESSAGE.channelSuccess, u32(CHANNEL)));
  return playback;
}

/** What the record shows of the input, as text. */
function recordedInput(playback: Playback): string {
  const frames = Buffer.from(
    playback.trace.flatMap(({ kind, details }) => (kind === 'Input' ? [details] : [])).join(''),
    'hex',
  );
  let text = '';
  for (let at = 0; at < frames.length; at += LENGTH_BYTES + frames.readUInt32BE(at)) {
    const message = frames.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + frames.readUInt32BE(at));
    if (message[0] === MESSAGE.channelData) text += Buffer.from(new MessageReader(message, 5).bytes()).toString();
  }
  return text;
}

describe('input is in the record', () => {
  test.each<[story: string, end: (playback: Playback) => void]>([
    ['the agent closes its channel', (playback) => playback.agent(CLOSE)],
    ['the agent leaves', (playback) => playback.agentLeft()],
    ['the target leaves', (playback) => playback.targetLeft()],
    ['the target closes the channel', (playback) => playback.target(CLOSE)],
    [
      'the session is ended',
      (playback) => playback.terminate({ kind: 'Terminated', rule: 'kill', reason: 'No.', hint: '' }, 'Killed'),
    ],
  ])('also a line without its end, when %s', (_story, end) => {
    const playback = runningPlayback();
    playback.agent(typed('whole\ncut to ada@example.com;'));
    end(playback);
    // A channel that the agent has closed runs until the target closes it.
    playback.target(CLOSE);
    expect(recordedInput(playback)).toBe('whole\ncut to [masked];');
    expect(playback.violations).toEqual([]);
  });

  test('also behind a line that is too long to be masked', () => {
    const playback = runningPlayback();
    const piece = 'x'.repeat(30_000);
    for (let sent = 0; sent <= WHOLE_BYTES_MAX; sent += piece.length) {
      playback.agent(typed(piece));
      playback.target(writeFrame(MESSAGE.channelWindowAdjust, u32(CHANNEL), u32(piece.length)));
    }
    playback.agent(typed('still the same ada@example.com\nrm -r a\nrm -r ada@example.com\n'));
    expect(recordedInput(playback)).toBe('[masked]\nrm -r a\nrm -r [masked]\n');
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('line by line where Enter is a carriage return', () => {
    const playback = runningPlayback();
    playback.agent(typed('ls ada@example.com\rdat'));
    expect(recordedInput(playback)).toBe('ls [masked]\r');
  });
});

describe('what is asked in a channel is masked in the record', () => {
  const request = (type: string, ...rest: readonly Field[]): Uint8Array =>
    writeFrame(MESSAGE.channelRequest, u32(CHANNEL), type, false, ...rest);

  test.each<[story: string, before: readonly Uint8Array[], after: readonly Uint8Array[]]>([
    ['a variable', [request('env', 'LANG', 'ada@example.com')], []],
    ['a signal', [], [request('signal', 'ada@example.com')]],
    ['what stands behind a request', [], [request('break', u32(1), 'ada@example.com')]],
  ])('%s', (_story, before, after) => {
    const playback = openPlayback();
    for (const frame of before) playback.agent(frame);
    playback.agent(exec('cat', CHANNEL));
    for (const frame of after) playback.agent(frame);
    const recorded = playback.trace.flatMap(({ kind, details }) => (kind === 'Input' ? [details] : [])).join('');
    const text = Buffer.from(recorded, 'hex').toString('latin1');
    expect(text).toContain('[masked]');
    expect(text).not.toContain('ada@');
    expect(Buffer.from(playback.sent('Target')).toString('latin1')).toContain('ada@example.com');
    expect(playback.violations).toEqual([]);
  });
});

test('the words that end a command by a signal are masked like its output', () => {
  const playback = runningPlayback();
  const said = writeFrame(
    MESSAGE.channelRequest,
    u32(CHANNEL),
    'exit-signal',
    false,
    'TERM',
    false,
    'of ada@example.com',
    'en',
  );
  playback.target(Buffer.concat([said, CLOSE]));
  const told = Buffer.from(playback.sent('Agent')).toString('latin1');
  expect(told).toContain('of [masked]');
  expect(told).not.toContain('ada@');
});

test('output that went to the agent is in the record when its line never ends, where only the record is masked', () => {
  const rules = { masks: NO_SSH_MASKS, recordMasks: MASKS };
  const { outputs } = new RunningCommand(1, openMint().mint(1), rules);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const { data, recorded } = outputs[0].push(Buffer.from('one\nof ada@example.com'));
  expect([text(data), text(recorded)]).toEqual(['one\nof ada@example.com', 'one\n']);
  expect([text(outputs[0].endRecord()), text(outputs[0].endRecord())]).toEqual(['of [masked]', '']);
});
