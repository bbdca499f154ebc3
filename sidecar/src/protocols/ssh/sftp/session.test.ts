import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { JudgedCommand, Refusal } from '../../protocol.ts';
import { MASKS } from '../testing/exhibit.ts';
import type { Answer, Request } from './codec.ts';
import { OPEN, STATUS } from './messages.ts';
import {
  bytesOf,
  Conversation,
  type ConversationOptions,
  NO_MASKS,
  nameAnswer,
  on,
  opening,
} from './testing/conversation.ts';
import { writeRequest } from './testing/packets.ts';

const DENIED: Refusal = { kind: 'Denied', rule: 'data/guard/closed', reason: 'Nobody goes there.', hint: '' };
const LINE = 'sidegate: denied: data/guard/closed: Nobody goes there.';
const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function open(options: Partial<ConversationOptions> = {}): Conversation {
  return Conversation.open({ masks: NO_MASKS, ...options });
}

/** With a file open under the handle `h`. */
function openFile(flags: number = OPEN.read | OPEN.write, options: Partial<ConversationOptions> = {}): Conversation {
  const conversation = open(options);
  conversation.ask(1, opening('/data/x', flags));
  conversation.answer({ kind: 'Handle', handle: 'h' });
  return conversation;
}

describe('a refusal', () => {
  const decide = ({ text }: JudgedCommand) => (text.includes('/denied') ? DENIED : 'Forward');

  test('is answered in its place, said once, and others go on', () => {
    const conversation = open({ decide });
    conversation.agent(
      Buffer.concat([
        writeRequest(1, opening('/denied/a')),
        writeRequest(2, opening('/x')),
        writeRequest(3, on('remove', '/denied/b')),
      ]),
    );
    expect(conversation.told.map(({ id }) => id)).toEqual([1, 3]);
    expect(conversation.told).toMatchObject([
      { commandId: 2, answer: { kind: 'Status', code: STATUS.permissionDenied, text: LINE } },
      { commandId: 4, answer: { kind: 'Status', code: STATUS.permissionDenied, text: LINE } },
    ]);
    expect(conversation.said).toEqual([LINE]);
    expect(conversation.asked).toMatchObject([{ request: { kind: 'Open' }, commandId: 3 }]);
    expect(conversation.endings).toMatchObject([
      { commandId: 2, outcome: 'Refused', errorCode: 'data/guard/closed', errorText: LINE },
      { commandId: 4, outcome: 'Refused' },
    ]);
  });

  test.each<readonly [string, Request]>([
    ['an extension that nobody knows', { kind: 'Unsupported', what: 'the extension md5-hash' }],
    [
      'an attribute that nobody knows',
      { kind: 'Set', operation: 'setstat', path: bytesOf('/x'), attributes: { extended: ['acl'] } },
    ],
  ])('%s reaches nobody, and is remarked', (_name, request) => {
    const conversation = open();
    conversation.ask(1, request);
    expect([conversation.asked, conversation.questions, conversation.remarks.length]).toEqual([[], [], 1]);
    expect(conversation.told).toMatchObject([{ id: 1, answer: { code: STATUS.unsupported } }]);
    expect(conversation.ended).toBeUndefined();
  });
});

describe('what waits', () => {
  const decide = ({ text }: JudgedCommand) => (text.startsWith('remove') ? 'Hold' : 'Forward');

  test('holds up nothing but what it may change', () => {
    const conversation = open({ decide });
    conversation.ask(1, on('remove', '/a/b'));
    conversation.ask(2, on('stat', '/other'));
    conversation.ask(3, on('stat', '/a/b'));
    conversation.ask(4, on('opendir', '/a'));
    conversation.ask(5, on('stat', '/a/bc'));
    expect(conversation.said).toEqual(['sidegate: waiting: It waits.', 'sidegate: waiting: Wait.']);
    expect(conversation.judgements.map(({ judged }) => judged.text)).toEqual([
      'remove /a/b',
      'stat /other',
      'stat /a/bc',
    ]);
    conversation.approve(2);
    expect(conversation.asked.map(({ request }) => ('operation' in request ? request.operation : ''))).toEqual([
      'stat',
      'stat',
      'remove',
      'stat',
      'opendir',
    ]);
  });

  test('holds up what goes through a file that it may change, and the close behind that', () => {
    const conversation = open({ decide: ({ text }) => (text.startsWith('setstat') ? 'Hold' : 'Forward') });
    conversation.ask(1, opening('/data/x', OPEN.write));
    conversation.answer({ kind: 'Handle', handle: 'h' });
    conversation.ask(2, { kind: 'Fsetstat', handle: 'h', attributes: { size: 0, extended: [] } });
    conversation.ask(3, { kind: 'Write', handle: 'h', offset: 0, data: bytesOf('new') });
    conversation.ask(4, { kind: 'Close', handle: 'h' });
    expect(conversation.asked).toEqual([]);
    expect(conversation.session.isIdle).toBe(false);
    conversation.approve(3);
    expect(conversation.asked.map(({ request }) => request.kind)).toEqual(['Fsetstat', 'Write', 'Close']);
    expect(conversation.session.isIdle).toBe(true);
  });

  test('goes on at once with all others that waited for the same, though the first of them waits again', () => {
    const conversation = open({ decide: ({ text }) => (/^(?:remove|open) /.test(text) ? 'Hold' : 'Forward') });
    conversation.ask(1, on('remove', '/x'));
    conversation.ask(2, opening('/x'));
    conversation.ask(3, on('stat', '/x'));
    conversation.approve(2);
    const asked = conversation.asked.map(({ request }) => request);
    expect(asked).toMatchObject([{ operation: 'remove' }, { operation: 'stat' }]);
  });

  test('is lost with the channel', () => {
    const conversation = open({ decide });
    conversation.ask(1, on('remove', '/a'));
    conversation.session.abandon('The agent closed the channel.');
    expect(conversation.endings).toMatchObject([{ commandId: 2, outcome: 'Lost' }]);
    conversation.approve(2);
    expect(conversation.asked).toEqual([]);
  });

  test('more requests than may be answered at once wait outside, and none is lost', () => {
    const conversation = openFile();
    const many = Array.from({ length: 1_100 }, (_, at) =>
      writeRequest(10 + at, { kind: 'Read', handle: 'h', offset: at, length: 1 }),
    );
    conversation.agent(Buffer.concat(many));
    expect(conversation.asked).toHaveLength(1_024);
    for (let at = 0; at < many.length; at += 1) conversation.answer({ kind: 'Data', data: bytesOf('x') });
    expect(conversation.told).toHaveLength(1 + many.length);
  });
});

describe('content', () => {
  test('is counted and hashed each way, and said when the file is closed', () => {
    const conversation = openFile();
    conversation.ask(2, { kind: 'Read', handle: 'h', offset: 0, length: 5 });
    conversation.ask(3, { kind: 'Read', handle: 'h', offset: 5, length: 5 });
    conversation.ask(4, { kind: 'Write', handle: 'h', offset: 100, data: bytesOf('abc') });
    conversation.answer({ kind: 'Data', data: bytesOf('hello') });
    conversation.answer({ kind: 'Data', data: bytesOf('world') });
    conversation.answer(OK);
    conversation.ask(5, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    expect(conversation.endings).toMatchObject([
      {
        commandId: 2,
        outcome: 'Done',
        tag: `read 10 bytes sha256 ${sha256('helloworld')}; wrote 3 bytes from 100 sha256 ${sha256('abc')}`,
      },
    ]);
    expect(new Set(conversation.recorded.map(({ commandId }) => commandId))).toEqual(new Set([2]));
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
    for (const part of ['hello', 'world', 'abc']) expect(all).toContain(part);
  });

  test('that is answered out of order goes to whom it belongs, and is said to be out of sequence', () => {
    const conversation = openFile();
    conversation.ask(2, { kind: 'Read', handle: 'h', offset: 0, length: 1 });
    conversation.ask(3, { kind: 'Read', handle: 'h', offset: 1, length: 1 });
    const [first, second] = conversation.asked;
    conversation.answer({ kind: 'Data', data: bytesOf('b') }, second?.id);
    conversation.answer({ kind: 'Data', data: bytesOf('a') }, first?.id);
    expect(conversation.told.slice(1).map(({ id }) => id)).toEqual([3, 2]);
    conversation.ask(4, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    expect(conversation.endings[0]?.tag).toBe(`read 2 bytes from 1 sha256 ${sha256('ba')}, not in sequence`);
  });

  test('that the target did not take is counted', () => {
    const conversation = openFile();
    conversation.ask(2, { kind: 'Write', handle: 'h', offset: 0, data: bytesOf('abc') });
    conversation.answer({ kind: 'Status', code: STATUS.failure, text: 'No space left' });
    conversation.ask(3, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    expect(conversation.endings[0]?.tag).toContain('1 writes failed');
  });

  test.each<readonly [string, number, Request]>([
    [
      'is not written through what was opened for reading',
      OPEN.read,
      { kind: 'Write', handle: 'h', offset: 0, data: bytesOf('x') },
    ],
    [
      'is not read through what was opened for writing',
      OPEN.write,
      { kind: 'Read', handle: 'h', offset: 0, length: 1 },
    ],
    ['is not copied from what is not open', OPEN.write, { kind: 'CopyData', from: 'g', to: 'h', length: 0 }],
    [
      'is not copied from what was not opened for reading',
      OPEN.write,
      { kind: 'CopyData', from: 'h', to: 'h', length: 0 },
    ],
  ])('%s', (_name, flags, request) => {
    const conversation = openFile(flags);
    conversation.ask(2, request);
    expect(conversation.asked).toEqual([]);
    expect(conversation.told.at(-1)).toMatchObject({ id: 2, answer: { code: STATUS.permissionDenied } });
  });

  test('ends with a limit, and the file with it, but for its close', () => {
    let left = 4;
    const meter = {
      take: (_rows: number, bytes: number) => {
        left -= bytes;
        return left < 0 ? { ...DENIED, kind: 'LimitExceeded' as const } : undefined;
      },
    };
    const conversation = openFile(OPEN.read, { meter });
    for (const id of [2, 3, 4]) conversation.ask(id, { kind: 'Read', handle: 'h', offset: id * 3 - 6, length: 3 });
    for (const text of ['abc', 'def', 'ghi']) conversation.answer({ kind: 'Data', data: bytesOf(text) });
    expect(conversation.told.slice(1).map(({ answer }) => answer.kind)).toEqual(['Data', 'Status', 'Status']);
    conversation.ask(5, { kind: 'Read', handle: 'h', offset: 3, length: 1 });
    expect(conversation.asked).toEqual([]);
    conversation.ask(6, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    expect(conversation.endings).toMatchObject([{ outcome: 'Failed', tag: `read 3 bytes sha256 ${sha256('abc')}` }]);
  });
});

describe('masks', () => {
  test('that come while a file is open let no more of it pass', () => {
    const conversation = openFile(OPEN.read);
    conversation.ask(2, { kind: 'Read', handle: 'h', offset: 0, length: 99 });
    conversation.session.addMasks(MASKS, MASKS);
    conversation.answer({ kind: 'Data', data: bytesOf('ada@example.com') });
    conversation.ask(3, { kind: 'Read', handle: 'h', offset: 0, length: 99 });
    expect(conversation.asked).toEqual([]);
    expect(conversation.told.slice(1).map(({ answer }) => answer.kind)).toEqual(['Status', 'Status']);
    expect(Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).includes('ada@example.com')).toBe(false);
  });

  test('hide names, and what the server says of them', () => {
    const conversation = open({ masks: MASKS });
    conversation.ask(1, on('opendir', '/d'));
    conversation.answer({ kind: 'Handle', handle: 'h' });
    conversation.ask(2, { kind: 'Readdir', handle: 'h' });
    conversation.answer(nameAnswer('ada@example.com'));
    conversation.ask(3, on('stat', '/ada@example.com'));
    conversation.answer({ kind: 'Status', code: STATUS.failure, text: 'ada@example.com is odd' });
    const said = JSON.stringify([...conversation.told, ...conversation.endings], (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    expect(said).not.toContain('ada@example.com');
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes));
    expect(all.includes('ada@example.com')).toBe(false);
    expect(conversation.judgements[1]?.judged.maskedText()).not.toContain('ada@example.com');
  });

  test.each([
    ['in one piece', ['a ada@example.com b\n']],
    ['in two pieces', ['a ada@exam', 'ple.com b\n']],
    ['with no newline behind it', ['a ada@exam', 'ple.com']],
  ])('for the record alone reach what is written and read, %s', (_name, parts) => {
    const conversation = openFile(OPEN.read | OPEN.write, { recordMasks: MASKS });
    let offset = 0;
    for (const [at, part] of parts.entries()) {
      conversation.ask(10 + at, { kind: 'Write', handle: 'h', offset, data: bytesOf(part) });
      conversation.answer(OK);
      conversation.ask(20 + at, { kind: 'Read', handle: 'h', offset, length: part.length });
      conversation.answer({ kind: 'Data', data: bytesOf(part) });
      offset += part.length;
    }
    conversation.ask(30, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
    expect(all).not.toMatch(/ada@exam|ple\.com/);
    expect(all.split('[masked]')).toHaveLength(3);
  });

  test('for the record alone reach what is written to a file that is never closed', () => {
    const conversation = openFile(OPEN.write, { recordMasks: MASKS });
    conversation.ask(2, { kind: 'Write', handle: 'h', offset: 0, data: bytesOf('a line\nof ada@example.com') });
    conversation.answer(OK);
    conversation.session.abandon('The channel is closed.');
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
    expect(all).toContain('a line\n');
    expect(all).toContain('of [masked]');
  });

  test('for the record alone reach what is read of a file whose close is never answered, and its figures stand there', () => {
    const conversation = openFile(OPEN.read, { recordMasks: MASKS });
    conversation.ask(2, { kind: 'Read', handle: 'h', offset: 0, length: 99 });
    conversation.answer({ kind: 'Data', data: bytesOf('of ada@example.com') });
    conversation.ask(3, { kind: 'Close', handle: 'h' });
    conversation.session.abandon('The channel is closed.');
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
    expect(all).toContain('of [masked]');
    const tag = `read 18 bytes sha256 ${sha256('of ada@example.com')}`;
    expect(conversation.endings).toMatchObject([{ outcome: 'Lost', tag }]);
  });

  test('for the record alone leave out what comes out of sequence, and say so', () => {
    const conversation = openFile(OPEN.write, { recordMasks: MASKS });
    const write = (id: number, offset: number, text: string): void => {
      conversation.ask(id, { kind: 'Write', handle: 'h', offset, data: bytesOf(text) });
      conversation.answer(OK);
    };
    write(2, 8, 'ple.com\n');
    write(3, 0, 'ada@exam');
    conversation.ask(4, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    const all = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
    expect(all).not.toMatch(/ada@exam|ple\.com/);
    expect(conversation.endings[0]?.tag).toContain('not all in the record');
  });
});
