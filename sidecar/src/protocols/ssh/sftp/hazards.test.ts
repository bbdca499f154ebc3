import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { writeFrame } from '../codec.ts';
import type { Answer, Request } from './codec.ts';
import { OPEN, PACKET, PACKET_BYTES_MAX, STATUS } from './messages.ts';
import { bytesOf, Conversation, NO_MASKS, nameAnswer } from './testing/conversation.ts';
import { writeAnswer, writeHello, writeRequest, writeServerVersion } from './testing/packets.ts';

const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };
const FAILURE: Answer = { kind: 'Status', code: STATUS.failure, text: 'Failure' };
const stat = (path: string): Request => ({ kind: 'Path', operation: 'stat', path: bytesOf(path) });
const opening: Request = { kind: 'Open', path: bytesOf('/x'), flags: OPEN.read, attributes: { extended: [] } };
const open = (): Conversation => Conversation.open({ masks: NO_MASKS });

function openFile(): Conversation {
  const conversation = open();
  conversation.ask(1, opening);
  conversation.answer({ kind: 'Handle', handle: 'h' });
  return conversation;
}

describe('an agent that breaks the protocol loses its channel', () => {
  test.each<readonly [string, readonly Uint8Array[]]>([
    ['a number that is in use', [writeRequest(7, stat('/a')), writeRequest(7, stat('/b'))]],
    ['a packet that is cut short', [writeFrame(PACKET.stat, { uint32: 1 }, { uint32: 99 })]],
    ['an empty packet', [writeFrame()]],
    ['a packet that is too large', [Buffer.from([0, 4, 0, 1])]],
    ['its version once more', [writeFrame(PACKET.init, { raw: bytesOf('x') })]],
  ])('%s', (_name, packets) => {
    const conversation = open();
    conversation.agent(Buffer.concat(packets));
    expect(conversation.ended).toMatchObject({ kind: 'Terminated', rule: 'protocol' });
    expect(conversation.remarks).toEqual([conversation.ended?.reason]);
  });

  test.each<readonly [string, Uint8Array]>([
    ['another packet than its version', writeRequest(1, stat('/a'))],
    ['an older version', writeHello(2)],
    ['a version that is cut short', writeFrame(PACKET.init, { raw: bytesOf('abc') })],
  ])('at the start: %s', (_name, packet) => {
    const conversation = new Conversation({ masks: NO_MASKS });
    conversation.agent(packet);
    expect(conversation.ended).toMatchObject({ kind: 'Terminated' });
    expect(conversation.asked).toEqual([]);
  });

  test('a later version is answered with the one that is spoken', () => {
    const conversation = new Conversation({ masks: NO_MASKS });
    conversation.agent(writeHello(6));
    expect(Buffer.concat(conversation.recorded.map(({ bytes }) => bytes))).toEqual(writeHello(3));
  });
});

describe('handles', () => {
  test.each<readonly [string, Request]>([
    ['read', { kind: 'Read', handle: 'other', offset: 0, length: 1 }],
    ['written', { kind: 'Write', handle: 'other', offset: 0, data: bytesOf('x') }],
    ['closed', { kind: 'Close', handle: 'other' }],
    ['listed', { kind: 'Readdir', handle: 'other' }],
    ['changed', { kind: 'Fsetstat', handle: 'other', attributes: { size: 0, extended: [] } }],
    ['copied to', { kind: 'CopyData', from: 'h', to: 'other', length: 0 }],
  ])('that the server did not give are not %s', (_name, request) => {
    const conversation = openFile();
    conversation.ask(2, request);
    expect([conversation.asked, conversation.remarks.length, conversation.ended]).toEqual([[], 1, undefined]);
    expect(conversation.told.at(-1)).toMatchObject({ id: 2, answer: { kind: 'Status', code: STATUS.failure } });
  });

  test('that were closed are not used again, and may be given again', () => {
    const conversation = openFile();
    conversation.ask(2, { kind: 'Close', handle: 'h' });
    conversation.ask(3, { kind: 'Read', handle: 'h', offset: 0, length: 1 });
    expect(conversation.asked.map(({ request }) => request.kind)).toEqual(['Close']);
    conversation.ask(4, opening);
    conversation.answer(OK);
    conversation.answer({ kind: 'Handle', handle: 'h' });
    conversation.ask(5, { kind: 'Read', handle: 'h', offset: 0, length: 1 });
    expect(conversation.asked.map(({ request }) => request.kind)).toEqual(['Read']);
  });

  test('are 1,024 at most', () => {
    const conversation = open();
    for (let at = 0; at <= 1_024; at += 1) {
      conversation.ask(at, opening);
      if (at < 1_024) conversation.answer({ kind: 'Handle', handle: `h${at}` });
    }
    expect(conversation.asked).toEqual([]);
    expect(conversation.told.at(-1)).toMatchObject({ id: 1_024, answer: { kind: 'Status' } });
    conversation.ask(2_000, { kind: 'Close', handle: 'h5' });
    conversation.answer(OK);
    conversation.ask(2_001, opening);
    expect(conversation.asked).toHaveLength(1);
  });
});

describe('a target that breaks the protocol ends the channel', () => {
  test.each<readonly [string, (conversation: Conversation) => void]>([
    ['an answer to nothing', (one) => one.target(writeAnswer(999, OK))],
    ['a second answer', (one) => [0, 1].forEach(() => one.target(writeAnswer(one.asked[0]?.id ?? 0, FAILURE)))],
    ['an answer to something else', (one) => one.answer({ kind: 'Attributes', attributes: { extended: [] } })],
    ['success in place of data', (one) => one.answer(OK)],
    ['more data than was asked for', (one) => one.answer({ kind: 'Data', data: bytesOf('abc') })],
    ['a request', (one) => one.target(writeRequest(one.asked[0]?.id ?? 0, stat('/')))],
    ['a packet that is cut short', (one) => one.target(writeFrame(PACKET.data, { uint32: one.asked[0]?.id ?? 0 }))],
    ['a packet that is too large', (one) => one.target(Buffer.from([255, 255, 255, 255]))],
    [
      'a handle twice',
      (one) => {
        one.ask(9, opening);
        one.answer({ kind: 'Handle', handle: 'h' }, one.asked.at(-1)?.id);
      },
    ],
  ])('%s', (_name, act) => {
    const conversation = openFile();
    conversation.ask(2, { kind: 'Read', handle: 'h', offset: 0, length: 2 });
    act(conversation);
    expect(conversation.ended).toMatchObject({ kind: 'TargetUnavailable', rule: 'protocol' });
    expect(conversation.told.filter(({ answer }) => answer.kind === 'Data')).toEqual([]);
    expect(conversation.endings.filter(({ commandId }) => commandId === 2)).toMatchObject([{ outcome: 'Lost' }]);
  });

  test.each<readonly [string, readonly Uint8Array[]]>([
    ['a version that nobody asked for', [writeServerVersion([], 4)]],
    ['something else than its version', [writeAnswer(1, OK)]],
    ['where sessions start: nowhere', [writeServerVersion(), writeAnswer(1, FAILURE)]],
    ['where sessions start: no path', [writeServerVersion(), writeAnswer(1, nameAnswer('C:'))]],
  ])('at the start: %s', (_name, packets) => {
    const conversation = new Conversation({ masks: NO_MASKS });
    conversation.isSlow = true;
    conversation.agent(writeHello());
    conversation.target(Buffer.concat(packets));
    expect(conversation.ended).toMatchObject({ kind: 'TargetUnavailable' });
    expect(conversation.told).toEqual([]);
  });

  test('before the agent has spoken', () => {
    const conversation = new Conversation({ masks: NO_MASKS });
    conversation.target(writeServerVersion());
    expect(conversation.ended).toMatchObject({ kind: 'TargetUnavailable' });
  });

  test('by a link that leads to no path: nothing but a rule for any path permits it', () => {
    const conversation = open();
    conversation.isSlow = true;
    conversation.ask(1, stat('/x'));
    const [question] = conversation.questions;
    const name = Uint8Array.of(47, 255);
    conversation.target(
      writeAnswer(question?.id ?? 0, { kind: 'Names', names: [{ name, long: name, attributes: Buffer.alloc(4) }] }),
    );
    expect(conversation.judgements[0]?.judged.command).toMatchObject({ paths: [{ path: '/x' }, { access: 'Read' }] });
  });
});

describe('however the bytes are cut', () => {
  const requests = [
    writeHello(),
    writeRequest(1, opening),
    writeRequest(2, stat('a/../b')),
    writeRequest(3, { kind: 'Unsupported', what: 'the extension x' }),
    writeRequest(4, { kind: 'Path', operation: 'realpath', path: bytesOf('.') }),
  ];

  test('the same is judged and asked', () => {
    const outcome = (cut: (bytes: Uint8Array) => readonly Uint8Array[]): unknown => {
      const conversation = new Conversation({ masks: NO_MASKS });
      for (const piece of cut(Buffer.concat(requests))) conversation.agent(piece);
      for (const piece of cut(writeServerVersion([['limits@openssh.com', '1']]))) conversation.target(piece);
      conversation.answer(
        { kind: 'Handle', handle: 'h' },
        conversation.asked.find(({ request }) => request.kind === 'Open')?.id,
      );
      const { judgements, told, asked, ended } = conversation;
      return JSON.stringify([judgements.map(({ judged }) => judged.text), told, asked, ended]);
    };
    const whole = outcome((bytes) => [bytes]);
    expect(whole).toContain('open /x read');
    for (let size = 1; size < 60; size += 1) {
      const cut = (bytes: Uint8Array): readonly Uint8Array[] =>
        Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size));
      expect(outcome(cut)).toBe(whole);
    }
  });

  test('random bytes from either side never make it throw', () => {
    const pieces = fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 40 })), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, (noise) => {
        const conversation = openFile();
        for (const [isAgent, bytes] of noise) {
          if (conversation.ended !== undefined) return;
          const packet = Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
          if (isAgent) conversation.agent(packet);
          else conversation.target(packet);
        }
      }),
      { seed: 20_266, numRuns: 1_000 },
    );
  });

  test('a packet as large as may be passes', () => {
    const conversation = open();
    conversation.ask(1, { ...opening, flags: OPEN.write });
    conversation.answer({ kind: 'Handle', handle: 'h' });
    const overhead = writeRequest(2, { kind: 'Write', handle: 'h', offset: 0, data: new Uint8Array(0) }).length - 4;
    const data = new Uint8Array(PACKET_BYTES_MAX - overhead);
    conversation.ask(2, { kind: 'Write', handle: 'h', offset: 0, data });
    expect(conversation.asked).toMatchObject([{ request: { kind: 'Write' } }]);
    conversation.ask(3, { kind: 'Write', handle: 'h', offset: 0, data: new Uint8Array(data.length + 1) });
    expect(conversation.ended).toMatchObject({ kind: 'Terminated' });
  });
});
