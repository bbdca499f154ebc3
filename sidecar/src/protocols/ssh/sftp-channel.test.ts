import { expect, test } from '@jest/globals';
import type { Playback } from '../playback.ts';
import { FrameReader, MessageReader, writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { type Answer, type Request, readRequest } from './sftp/codec.ts';
import { PACKET_BYTES_MAX, STATUS } from './sftp/messages.ts';
import { nameAnswer, opening } from './sftp/testing/conversation.ts';
import { writeAnswer, writeHello, writeRequest, writeServerVersion } from './sftp/testing/packets.ts';
import { messagesIn, openPlayback, typesOf, u32 } from './testing/ssh-playback.ts';

const PACKET = 32 * 1024;
const CONTENT = Buffer.from('a line of text\n'.repeat(100_000));

/** A channel of SFTP whose agent takes little, and a target that has one file. */
class Talk {
  readonly playback: Playback;
  /** Its number on both sides. */
  readonly #channel: number;
  readonly #packets = new FrameReader(PACKET_BYTES_MAX);
  #heard = 0;
  #handles = 0;

  constructor(window: number, playback: Playback = openPlayback(), channel = 6) {
    this.playback = playback;
    this.#channel = channel;
    playback.agent(writeFrame(MESSAGE.channelOpen, 'session', u32(channel), u32(window), u32(PACKET)));
    const widest = u32(0xffffffff);
    playback.target(writeFrame(MESSAGE.channelOpenConfirmation, u32(channel), u32(channel), widest, u32(PACKET)));
    playback.agent(writeFrame(MESSAGE.channelRequest, u32(channel), 'subsystem', true, 'sftp'));
    playback.target(writeFrame(MESSAGE.channelSuccess, u32(channel)));
    this.#heard = playback.sent('Target').length;
    this.say(writeHello());
  }

  /** The last of what the target was sent, by type. */
  get lastOfTarget(): number | undefined {
    return typesOf(messagesIn(this.playback.sent('Target'))).at(-1);
  }

  say(...packets: readonly Uint8Array[]): void {
    this.agent(writeData(this.#channel, false, Buffer.concat(packets)));
  }

  /** The target answers all that comes of it. */
  agent(message: Uint8Array): void {
    const { playback } = this;
    playback.agent(message);
    for (let asked = this.#asked(); asked.length > 0; asked = this.#asked()) {
      for (const answer of asked.map((packet) => this.#answerTo(packet))) {
        for (let at = 0; at < answer.length; at += PACKET) {
          playback.target(writeData(this.#channel, false, answer.subarray(at, at + PACKET)));
        }
      }
    }
  }

  #asked(): readonly Uint8Array[] {
    const sent = this.playback.sent('Target');
    for (const message of messagesIn(sent.subarray(this.#heard))) {
      const reader = new MessageReader(message);
      if (message[0] === MESSAGE.channelData && reader.uint32() === this.#channel) this.#packets.feed(reader.bytes());
    }
    this.#heard = sent.length;
    const packets: Uint8Array[] = [];
    for (let next = this.#packets.next(); next instanceof Uint8Array; next = this.#packets.next()) packets.push(next);
    return packets;
  }

  #answerTo(packet: Uint8Array): Uint8Array {
    const asked = readRequest(packet);
    const isHello = asked === undefined || asked.request.kind === 'Unsupported';
    return isHello ? writeServerVersion() : writeAnswer(asked.id, this.#answerOf(asked.request));
  }

  #answerOf(request: Request): Answer {
    if (request.kind === 'Path') return nameAnswer(request.path.length > 1 ? '/x' : '/home');
    if (request.kind === 'Open') return { kind: 'Handle', handle: `h${this.#handles++}` };
    if (request.kind !== 'Read') return { kind: 'Status', code: STATUS.ok, text: '' };
    const data = CONTENT.subarray(request.offset, request.offset + request.length);
    return data.length === 0 ? { kind: 'Status', code: STATUS.eof, text: '' } : { kind: 'Data', data };
  }
}

test('the end of what the agent says goes on once it has taken the answers that it waits for', () => {
  const talk = new Talk(1_000);
  talk.say(writeRequest(1, opening('/x')));
  const reads = Array.from(
    { length: 8 },
    (_, at): Request => ({ kind: 'Read', handle: 'h0', offset: 0, length: 255_000 + at }),
  );
  talk.say(...reads.map((read, at) => writeRequest(2 + at, read)));
  talk.agent(writeFrame(MESSAGE.channelEof, u32(6)));
  expect(talk.lastOfTarget).toBe(MESSAGE.channelData);
  talk.agent(writeFrame(MESSAGE.channelWindowAdjust, u32(6), u32(100_000_000)));
  expect(talk.playback.sent('Agent').length).toBeGreaterThan(8 * 255_000);
  expect(talk.lastOfTarget).toBe(MESSAGE.channelEof);
  expect(talk.playback.violations).toEqual([]);
});

test('files that are read through masks are counted over all channels of a connection', () => {
  const talk = new Talk(1_000_000);
  const other = new Talk(1_000_000, talk.playback, 7);
  for (let id = 0; id < 10; id += 1) talk.say(writeRequest(id, opening('/x')));
  for (let id = 0; id < 7; id += 1) other.say(writeRequest(id, opening('/x')));
  const said = (): number =>
    Buffer.from(talk.playback.sent('Agent')).toString('latin1').split('more than 16 files').length - 1;
  const refused = said();
  expect(refused).toBeGreaterThan(0);
  talk.say(writeRequest(99, { kind: 'Close', handle: 'h0' }));
  other.say(writeRequest(99, opening('/x')));
  expect(said()).toBe(refused);
  expect(talk.playback.violations).toEqual([]);
});
