import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { StreamMask } from '../stream-mask.ts';
import { MASKS } from '../testing/exhibit.ts';
import type { Answer, Request } from './codec.ts';
import { MaskedFile } from './masked-file.ts';
import { OPEN, STATUS } from './messages.ts';
import { bytesOf, Conversation, type ConversationOptions, on, opening } from './testing/conversation.ts';
import { writeRequest } from './testing/packets.ts';

const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };
const MIB = 1024 * 1024;

/** With a file open under the handle `h`, and masks in force. */
function openFile(content: string | Uint8Array, options: Partial<ConversationOptions> = {}): Conversation {
  const conversation = Conversation.open({ masks: MASKS, content: Buffer.from(content), ...options });
  conversation.ask(1, opening('/data/x'));
  conversation.answer({ kind: 'Handle', handle: 'h' });
  conversation.told.length = 0;
  return conversation;
}

const reading = (offset: number, length: number): Request => ({ kind: 'Read', handle: 'h', offset, length });

/** As a text, or the code of a status. */
function shown({ answer }: { readonly answer: Answer } | Conversation['told'][number]): string | number {
  if (answer.kind === 'Data') return Buffer.from(answer.data).toString('latin1');
  return answer.kind === 'Status' ? answer.code : answer.kind;
}

function asStream(content: Uint8Array): Buffer {
  const mask = new StreamMask(MASKS);
  return Buffer.concat([mask.push(content), mask.end()]);
}

/** The oldest question of the gate about the file. */
function nextFetch({ fetches }: Conversation): Conversation['fetches'][number] {
  const next = fetches.shift();
  if (next === undefined) throw new Error('nothing was asked for');
  return next;
}

function recordOf({ recorded }: Conversation): string {
  return Buffer.concat(recorded.map(({ bytes }) => bytes)).toString('latin1');
}

describe('a file that is read through masks', () => {
  test('shows what a stream of it would, from any offset', () => {
    const conversation = openFile('one\nada@example.com two\nthree\n');
    conversation.ask(2, reading(0, 12));
    conversation.ask(3, reading(12, 99));
    conversation.ask(4, reading(99, 9));
    conversation.ask(5, reading(2, 4));
    expect(conversation.told.map(shown)).toEqual(['one\n[masked]', ' two\nthree\n', STATUS.eof, 'e\n[m']);
    expect(conversation.told.map(({ id, commandId }) => [id, commandId])).toEqual([2, 3, 4, 5].map((id) => [id, 2]));
  });

  test('is found in the record as it was shown, with what was asked for', () => {
    const conversation = openFile('of ada@example.com\n');
    conversation.ask(2, reading(0, 99));
    conversation.ask(3, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    const record = recordOf(conversation);
    expect(record).toContain('of [masked]\n');
    expect(record).not.toContain('ada@');
    expect(record).toContain(Buffer.from(writeRequest(2, reading(0, 99))).toString('latin1'));
    expect(conversation.endings[0]?.tag).toMatch(/^read 12 bytes sha256 [0-9a-f]{64}$/);
    expect(conversation.seen.map(({ kind }) => kind)).not.toContain('Read');
  });

  test('counts its masked values', () => {
    const conversation = openFile('ada@example.com\nbob\neve@example.com\n');
    conversation.ask(2, reading(0, 99));
    conversation.ask(3, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
    expect(conversation.maskedValues).toEqual([2]);
  });

  test('is answered in its order, and closed behind its reads', () => {
    const conversation = openFile('a line\n', {});
    conversation.isSlow = true;
    conversation.agent(
      Buffer.concat([
        writeRequest(2, reading(0, 3)),
        writeRequest(3, reading(3, 3)),
        writeRequest(4, { kind: 'Close', handle: 'h' }),
      ]),
    );
    expect(conversation.told).toEqual([]);
    expect(conversation.asked).toEqual([]);
    conversation.answerQuestions();
    expect(conversation.told.map(shown)).toEqual(['a l', 'ine']);
    expect(conversation.asked).toMatchObject([{ request: { kind: 'Close' } }]);
  });

  test('is not read behind its close, whatever the server opens under its handle by then', () => {
    const conversation = openFile('a line\n');
    conversation.isSlow = true;
    const requests: readonly Request[] = [reading(0, 3), { kind: 'Close', handle: 'h' }, reading(99, 3)];
    conversation.agent(Buffer.concat(requests.map((request, at) => writeRequest(2 + at, request))));
    conversation.answerQuestions();
    conversation.answer(OK);
    expect(conversation.told.map(({ id, answer }) => [id, shown({ answer })])).toEqual([
      [2, 'a l'],
      [4, STATUS.failure],
      [3, STATUS.ok],
    ]);
    expect(conversation.remarks).toEqual(['The agent names a handle that is not open.']);
  });

  test('is asked for piece by piece at first, and ahead once it goes on', () => {
    const conversation = openFile('');
    conversation.isSlow = true;
    conversation.ask(2, reading(MIB, 3));
    const ahead = [];
    for (let at = 0; at < 6; at += 1) {
      ahead.push(conversation.fetches.length);
      const { id, length } = nextFetch(conversation);
      conversation.answer({ kind: 'Data', data: Buffer.alloc(length, 'y\n') }, id);
    }
    expect(ahead).toEqual([1, 2, 4, 8, 8, 8]);
  });

  test('is asked for no further while the server owes too many answers, whatever it gives', () => {
    const conversation = openFile('');
    conversation.isSlow = true;
    conversation.ask(2, reading(99 * MIB, 3));
    let at = 0;
    const answerNext = (isShort: boolean): boolean => {
      const index = conversation.fetches.findLastIndex(({ offset }) => offset === at);
      const [next] = index < 0 ? [] : conversation.fetches.splice(index, 1);
      if (next === undefined) return false;
      const data = Buffer.alloc(isShort ? next.length - 1 : next.length, 'y\n');
      at += data.length;
      conversation.answer({ kind: 'Data', data }, next.id);
      return true;
    };
    for (let round = 0; round < 100; round += 1) if (!answerNext(round % 5 === 4)) break;
    expect(conversation.fetches.length).toBeLessThanOrEqual(16);
    expect(conversation.fetches.length).toBeGreaterThan(8);
    while (conversation.fetches.length > 0) {
      const { id } = nextFetch(conversation);
      conversation.answer({ kind: 'Status', code: STATUS.eof, text: '' }, id);
    }
    expect(conversation.told.map(shown)).toEqual([STATUS.eof]);
  });

  test('is masked no further once it is closed, and leaves its place to another', () => {
    const conversation = openFile('');
    for (let id = 100; id < 115; id += 1) {
      conversation.ask(id, opening(`/${id}`));
      conversation.answer({ kind: 'Handle', handle: `${id}` });
    }
    conversation.isSlow = true;
    conversation.told.length = 0;
    conversation.ask(2, reading(0, 40_000));
    const line = Buffer.from('ada@example.com\n');
    const giveNext = (): void => {
      const { id, length } = nextFetch(conversation);
      conversation.answer({ kind: 'Data', data: Buffer.alloc(length, line) }, id);
    };
    while (conversation.told.length === 0) giveNext();
    expect(conversation.fetches.length).toBeGreaterThan(0);
    conversation.ask(3, { kind: 'Close', handle: 'h' });
    conversation.isSlow = false;
    conversation.ask(4, opening('/y'));
    expect(conversation.asked.map(({ request }) => request.kind)).toEqual(['Close', 'Open']);
    const before = (asked: number): number => (asked * 32 * 1024) / line.length;
    while (conversation.fetches.length > 0) giveNext();
    conversation.answer(OK);
    expect(conversation.maskedValues).toEqual([before(3)]);
  });

  test('does not hold up other files', () => {
    const conversation = openFile('a line\n');
    conversation.isSlow = true;
    conversation.ask(2, reading(0, 3));
    conversation.ask(3, on('realpath', '.'));
    expect(conversation.told.map(({ id }) => id)).toEqual([3]);
  });

  test('passes on what the server says in place of content, and asks anew', () => {
    const conversation = openFile('a line\n');
    conversation.isSlow = true;
    conversation.ask(2, reading(0, 3));
    const [first] = conversation.fetches.splice(0);
    conversation.answer({ kind: 'Status', code: STATUS.failure, text: 'ada@example.com is odd' }, first?.id);
    expect(conversation.told).toMatchObject([{ id: 2, answer: { code: STATUS.failure, text: '[masked] is odd' } }]);
    conversation.answerQuestions();
    conversation.ask(3, reading(0, 3));
    expect(conversation.told.map(shown)).toEqual([STATUS.failure, 'a l']);
  });

  test('is counted by limits as it is shown', () => {
    const taken: number[] = [];
    const conversation = openFile('ada@example.com\n', {
      meter: {
        take: (_rows, bytes) => {
          taken.push(bytes);
          return undefined;
        },
      },
    });
    conversation.ask(2, reading(0, 99));
    expect(taken).toEqual(['[masked]\n'.length]);
  });
});

describe('is refused while masks are in force', () => {
  const refusalOf = (conversation: Conversation): string => conversation.said.at(-1) ?? '';

  test('a file for reading and writing at once', () => {
    const conversation = Conversation.open({ masks: MASKS });
    conversation.ask(1, opening('/x', OPEN.read | OPEN.write));
    expect(conversation.told.map(shown)).toEqual([STATUS.permissionDenied]);
    expect(refusalOf(conversation)).toContain('Masks are in force');
  });

  test('more of a file when masks are added, not when the same are said again', () => {
    const conversation = openFile('a line\nand ada@example.com\n');
    conversation.ask(2, reading(0, 3));
    conversation.session.addMasks({ ...MASKS }, { ...MASKS });
    conversation.ask(3, reading(3, 3));
    conversation.session.addMasks({ ...MASKS, digests: ['other'] }, MASKS);
    conversation.ask(4, reading(6, 3));
    expect(conversation.told.map(shown)).toEqual(['a l', 'ine', STATUS.permissionDenied]);
    expect(refusalOf(conversation)).toContain('Masks changed while it was open.');
  });

  test('more of a file behind a line that is too long to be masked', () => {
    const conversation = openFile(`short\n${'x'.repeat(2 * MIB)}\nshort\n`);
    conversation.ask(2, reading(0, 6));
    conversation.ask(3, reading(6, 3));
    expect(conversation.told.map(shown)).toEqual(['short\n', STATUS.permissionDenied]);
    expect(refusalOf(conversation)).toContain('too long');
  });

  test('what lies far behind what was read, which is not kept', () => {
    const line = `${'y'.repeat(1023)}\n`;
    const conversation = openFile(line.repeat(3 * 1024));
    conversation.ask(2, reading(2 * MIB, 4));
    conversation.ask(3, reading(MIB, 4));
    expect(conversation.told.map(shown)).toEqual(['yyyy', 'yyyy']);
    conversation.ask(4, reading(MIB - 1, 1));
    expect(refusalOf(conversation)).toContain('read forward');
    conversation.ask(5, reading(2 * MIB, 4));
    expect(conversation.told.map(shown).slice(2)).toEqual([STATUS.permissionDenied, 'yyyy']);
  });

  test('more than 16 such files at once', () => {
    const conversation = Conversation.open({ masks: MASKS });
    for (let id = 0; id < 17; id += 1) conversation.ask(id, opening(`/x${id}`));
    expect(conversation.told.map(({ id }) => id)).toEqual([16]);
    expect(refusalOf(conversation)).toContain('more than 16 files');
    conversation.answer({ kind: 'Status', code: STATUS.noSuchFile, text: '' });
    conversation.ask(17, opening('/y'));
    expect(conversation.asked).toHaveLength(16);
  });
});

test('what is kept of a file keeps nothing else of what came with it', () => {
  const file = new MaskedFile(MASKS);
  const came = Buffer.from('a line\nanother\n');
  file.push(came.subarray(0, 7));
  const part = file.read(0, 3);
  expect(part instanceof Uint8Array ? part.buffer : undefined).not.toBe(came.buffer);
});

test('an agent that takes nothing is prepared nothing', () => {
  const conversation = openFile('a line\n');
  conversation.ask(2, reading(0, 3));
  conversation.isFull = true;
  conversation.session.receiveAgent(writeRequest(3, reading(0, 3)));
  expect(conversation.told).toHaveLength(1);
  conversation.isFull = false;
  conversation.session.pump();
  expect(conversation.told).toHaveLength(2);
});

test.each([
  ['nothing', ''],
  ['more than was asked for', 'x'.repeat(40_000)],
])('a target that answers with %s ends the channel', (_name, data) => {
  const conversation = openFile('');
  conversation.isSlow = true;
  conversation.ask(2, reading(0, 3));
  conversation.answer({ kind: 'Data', data: bytesOf(data) }, conversation.fetches[0]?.id);
  expect(conversation.ended?.reason).toContain('an answer to something else');
});

test('whatever is asked for in whatever pieces, and however the server cuts it: each answer is that part of the masked whole', () => {
  const word = fc.constantFrom('ada@example.com', 'x', ' ', '\n', '\r\n', '@example', 'é', '\u0000', 'of ', 'b@c.de');
  const content = fc.array(fc.oneof(word, word, fc.string({ maxLength: 5 })), { maxLength: 60 });
  const reads = fc.array(fc.tuple(fc.nat(400), fc.nat(200)), { maxLength: 12 });
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 50 }), reads, (words, answerBytesMax, asked) => {
      const bytes = Buffer.from(words.join(''));
      const whole = asStream(bytes);
      const conversation = openFile(bytes, { answerBytesMax });
      conversation.agent(Buffer.concat(asked.map(([offset, length], id) => writeRequest(id, reading(offset, length)))));
      const expected = asked.map(([offset, length]) => {
        const part = whole.subarray(offset, offset + length);
        return part.length === 0 ? STATUS.eof : part.toString('latin1');
      });
      expect(conversation.told.map(shown)).toEqual(expected);
    }),
    { seed: 1, numRuns: 1_000 },
  );
});
