import { Playback, type PlaybackAnswers } from '../../playback.ts';
import type { TranscriptChunk } from '../../transcript.ts';
import { type Field, FrameReader, writeFrame } from '../codec.ts';
import { MESSAGE } from '../messages.ts';
import { SshSession } from '../session.ts';
import { sshExhibit } from './exhibit.ts';

const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };

interface PlaybackOptions extends Partial<PlaybackAnswers> {
  readonly pendingCommandsMax?: number;
}

export const u32 = (uint32: number): Field => ({ uint32 });

/** The message that asks a channel to run a command. */
export const exec = (text: string, channel = 0): Uint8Array =>
  writeFrame(MESSAGE.channelRequest, u32(channel), 'exec', true, text);

/** A session of the exhibit, as far as `opening` leads it. */
export function openPlayback(
  opening: readonly TranscriptChunk[] = sshExhibit.opening,
  { pendingCommandsMax = LIMITS.pendingCommandsMax, ...answers }: PlaybackOptions = {},
): Playback {
  const limits = { ...LIMITS, pendingCommandsMax };
  const session = new SshSession({ ...sshExhibit.sessionOptions(limits), shared: undefined });
  const playback = new Playback(session, { ...sshExhibit.answers, ...answers });
  for (const { from, bytes } of opening) {
    if (from === 'Agent') playback.agent(bytes);
    else playback.target(bytes);
  }
  return playback;
}

/** The messages in frames, each from its type on. */
export function messagesIn(frames: Uint8Array): readonly Uint8Array[] {
  const reader = new FrameReader(1 << 20);
  reader.feed(frames);
  const messages: Uint8Array[] = [];
  for (let one = reader.next(); one !== undefined && one !== 'TooLarge'; one = reader.next()) messages.push(one);
  return messages;
}

/** The messages that a call sends to one side. */
export function sentBy(playback: Playback, side: 'Agent' | 'Target', act: () => void): readonly Uint8Array[] {
  const before = playback.sent(side).length;
  act();
  return messagesIn(playback.sent(side).subarray(before));
}

export const typesOf = (messages: readonly Uint8Array[]): readonly (number | undefined)[] =>
  messages.map(([type]) => type);
