import { expect, test } from '@jest/globals';
import type { Playback, PlaybackAnswers } from '../playback.ts';
import { type Field, writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { MASKS, NO_SSH_MASKS } from './testing/exhibit.ts';
import { exec, openPlayback, sentBy, u32 } from './testing/ssh-playback.ts';

const BYTES = 100_000;
const CHANNEL = 1;
const data = (bytes: number): Uint8Array => writeData(CHANNEL, false, Buffer.alloc(bytes, 'x'));
const success = writeFrame(MESSAGE.channelSuccess, u32(CHANNEL));

/** A session in whose channel a command runs. */
function runningPlayback(masks = NO_SSH_MASKS): Playback {
  const playback = openPlayback(undefined, { masks });
  playback.agent(exec('cat', CHANNEL));
  playback.target(success);
  return playback;
}

test('what an agent sends before its command counts as held, and goes on in few packets once that may run', () => {
  const playback = openPlayback(undefined, { masks: NO_SSH_MASKS });
  for (let at = 0; at < BYTES; at += 1) playback.agent(data(1));
  expect(playback.heldBytes).toBe(BYTES);
  const sent = sentBy(playback, 'Target', () => playback.agent(exec('cat', CHANNEL)));
  expect(sent.filter(([type]) => type === MESSAGE.channelData)).toHaveLength(Math.ceil(BYTES / (32 * 1024)));
  expect(playback.heldBytes).toBe(0);
});

test('what is set up for a command counts as well', () => {
  const playback = openPlayback();
  const variable = writeFrame(MESSAGE.channelRequest, u32(CHANNEL), 'env', false, 'LC_ALL', 'C'.repeat(100));
  playback.agent(variable);
  expect(playback.heldBytes).toBe(variable.length - 4);
});

test('output passes and is not held, but for what masks keep of it', () => {
  const [plain, masked] = [runningPlayback(), runningPlayback(MASKS)];
  for (const playback of [plain, masked]) playback.target(data(30_000));
  expect([plain.heldBytes, masked.heldBytes]).toEqual([0, 30_000]);
  masked.target(writeData(CHANNEL, false, Buffer.from('\n')));
  expect(masked.heldBytes).toBe(0);
});

test('what the gate says about typed lines to an agent that takes nothing is held', () => {
  const channel = 6;
  const request = (type: string, ...fields: readonly Field[]): Uint8Array =>
    writeFrame(MESSAGE.channelRequest, u32(channel), type, true, ...fields);
  const refusal = { kind: 'Denied', rule: 'r', reason: 'Files stay.', hint: '' } as const;
  const settle: PlaybackAnswers['settle'] = ({ verbs }) => (verbs[1] === 'typed' ? refusal : 'Forward');
  const playback = openPlayback(undefined, { masks: NO_SSH_MASKS, settle });
  const room = [u32(0), u32(32_768)];
  playback.agent(writeFrame(MESSAGE.channelOpen, 'session', u32(channel), ...room));
  playback.target(writeFrame(MESSAGE.channelOpenConfirmation, u32(channel), u32(channel), u32(99_999), u32(32_768)));
  playback.agent(request('pty-req', 'xterm', u32(80), u32(24), u32(0), u32(0), ''));
  playback.agent(request('shell'));
  for (let at = 0; at < 2; at += 1) playback.target(writeFrame(MESSAGE.channelSuccess, u32(channel)));
  playback.agent(writeData(channel, false, Buffer.from('rm x')));
  const before = playback.heldBytes;
  for (let at = 0; at < 100; at += 1) playback.agent(writeData(channel, false, Buffer.from('\r')));
  expect(playback.heldBytes - before).toBeGreaterThan(100 * 'sidegate: denied: '.length);
});
