import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { asLatin1, DEPTH_MAX, nameOf, writeCommand } from './codec.ts';
import { splitInline } from './inline.ts';
import { ReplyReader } from './reply-reader.ts';
import { ReplyBuilder, type ReplyValue } from './reply-value.ts';
import { RequestReader } from './request-reader.ts';

const BYTES_MAX = 1 << 20;

/** Every command in `text`, each piece fed by itself; the last entry says how it ended. */
function requests(pieces: readonly (string | Uint8Array)[], bytesMax = BYTES_MAX): readonly string[] {
  const reader = new RequestReader({ bytesMax });
  const seen: string[] = [];
  for (const piece of pieces) {
    reader.feed(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    for (;;) {
      const result = reader.next();
      if (result === 'More') break;
      if (result === 'Command') seen.push(reader.args.map(asLatin1).join('|'), `wire ${asLatin1(reader.wire)}`);
      else if (result !== 'Empty') return [...seen, result];
    }
  }
  return seen;
}

const words = (seen: readonly string[]): readonly string[] => seen.filter((line) => !line.startsWith('wire '));

describe('commands', () => {
  test.each([
    ['*1\r\n$4\r\nPING\r\n', ['PING']],
    ['*2\r\n$3\r\nGET\r\n$0\r\n\r\n', ['GET|']],
    ['*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n', ['GET|\r\n']],
    ['PING\r\n', ['PING']],
    ['PING\n', ['PING']],
    ['\r\n\n*0\r\n*-1\r\nPING\r\n', ['PING']],
    ['SET a "b c"\r\n', ['SET|a|b c']],
    ['*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n', ['PING', 'PING', 'PING']],
  ])('%j', (text, expected) => {
    expect(words(requests([text]))).toEqual(expected);
  });

  test.each([
    ['a sign', '*+1\r\n$4\r\nPING\r\n'],
    ['a leading zero', '*1\r\n$04\r\nPING\r\n'],
    ['a line feed alone behind a count', '*1\n$4\r\nPING\r\n'],
    ['a line feed alone behind a length', '*1\r\n$4\nPING\r\n'],
    ['no line end behind a value', '*1\r\n$4\r\nPINGxx'],
    ['a length below nothing', '*1\r\n$-1\r\n'],
    ['a space in a number', '*1 \r\n$4\r\nPING\r\n'],
    ['another type inside', '*1\r\n:4\r\n'],
    ['too many arguments', '*131073\r\n'],
    ['a number without an end', `*${'1'.repeat(40)}`],
    ['quotes that are not closed', 'GET "a\r\n'],
    ['a word behind a closing quote', 'GET "a"b\r\n'],
    ['an inline command without an end', 'x'.repeat(70_000)],
  ])('%s is malformed', (_, text) => {
    expect(requests([text])).toEqual(['Malformed']);
  });

  test('may have 131,072 arguments', () => {
    const reader = new RequestReader({ bytesMax: 1 << 20 });
    reader.feed(Buffer.from('*131072\r\n'));
    expect(reader.next()).toBe('More');
  });

  test.each([
    [0, ['ECHO|xxxxx']],
    [-1, ['TooLarge']],
  ])('that are as long as the limit and %d', (more, expected) => {
    const command = writeCommand(['ECHO', 'xxxxx']);
    expect(words(requests([command], command.length + more))).toEqual(expected);
  });

  test('an inline command goes on as an array', () => {
    expect(requests(['get "a b"\r\n'])[1]).toBe('wire *2\r\n$3\r\nget\r\n$3\r\na b\r\n');
  });

  test('are the same however they are cut, and what was received is what goes on', () => {
    const command = fc.array(fc.uint8Array({ maxLength: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 4 }), fc.array(fc.nat(80), { maxLength: 6 }), (commands, cuts) => {
        const bytes = Buffer.concat(commands.map((parts) => writeCommand(parts)));
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted((a, b) => a - b);
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        const seen = requests(pieces);
        expect(seen).toEqual(requests([bytes]));
        expect(words(seen)).toEqual(commands.map((parts) => parts.map(asLatin1).join('|')));
        expect(seen.filter((line) => line.startsWith('wire ')).join('')).toBe(
          commands.map((parts) => `wire ${asLatin1(writeCommand(parts))}`).join(''),
        );
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  test('random bytes never make it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (pieces) => {
        requests(pieces);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe('inline words, as Redis splits them', () => {
  test.each([
    ['a  b\tc', ['a', 'b', 'c']],
    ['"a\\x41\\n\\t\\"" \'it\\\'s\'', ['aA\n\t"', "it's"]],
    ['""', ['']],
    ['  ', []],
    ['a"b c"', ['ab c']],
    ['"\\q"', ['q']],
  ])('%j', (line, expected) => {
    expect(splitInline(Buffer.from(line))?.map(asLatin1)).toEqual(expected);
  });
});

function replies(pieces: readonly (string | Uint8Array)[], bytesMax = BYTES_MAX): readonly (ReplyValue | string)[] {
  const builder = new ReplyReader(bytesMax);
  const values = new ReplyBuilder(builder);
  const seen: (ReplyValue | string)[] = [];
  for (const piece of pieces) {
    builder.feed(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    for (;;) {
      const value = values.next();
      if (value === 'More') break;
      if (value === undefined) return [...seen, 'Malformed'];
      seen.push(value);
    }
  }
  return seen;
}

const text = (of: string): ReplyValue => ({ kind: 'Text', text: of });

describe('replies', () => {
  test.each<[string, readonly (ReplyValue | string)[]]>([
    ['+OK\r\n', [text('OK')]],
    ['-ERR no\r\n', [{ kind: 'Error', text: 'ERR no' }]],
    [':-7\r\n', [text('-7')]],
    ['$-1\r\n*-1\r\n_\r\n', [{ kind: 'Null' }, { kind: 'Null' }, { kind: 'Null' }]],
    ['$3\r\na\r\n\r\n', [text('a\r\n')]],
    [
      '*0\r\n%0\r\n',
      [
        { kind: 'List', items: [] },
        { kind: 'List', items: [] },
      ],
    ],
    ['*2\r\n*1\r\n:1\r\n$1\r\nx\r\n', [{ kind: 'List', items: [{ kind: 'List', items: [text('1')] }, text('x')] }]],
    [
      '%1\r\n+a\r\n~2\r\n#t\r\n,1.5\r\n',
      [{ kind: 'List', items: [text('a'), { kind: 'List', items: [text('t'), text('1.5')] }] }],
    ],
    ['=7\r\ntxt:abc\r\n(123\r\n!5\r\nERR x\r\n', [text('abc'), text('123'), { kind: 'Error', text: 'ERR x' }]],
    [
      '>2\r\n+invalidate\r\n*1\r\n+k\r\n',
      [{ kind: 'List', items: [text('invalidate'), { kind: 'List', items: [text('k')] }] }],
    ],
  ])('%j', (bytes, expected) => {
    expect(replies([bytes])).toEqual(expected);
    expect(replies(Array.from(Buffer.from(bytes), (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  test.each([
    ['a type that is none', '@1\r\n'],
    ['a streamed string', '$?\r\n'],
    ['a streamed array', '*?\r\n'],
    ['a null map', '%-1\r\n'],
    ['a push inside', '*1\r\n>1\r\n+a\r\n'],
    ['a line feed alone', '+OK\n'],
    ['a carriage return alone', '+O\rK\r\n'],
    ['a line without an end', `+${'x'.repeat(70_000)}`],
    ['a value without its line end', '$1\r\nabc'],
    ['too deep', '*1\r\n'.repeat(DEPTH_MAX + 1)],
  ])('%s is malformed', (_, bytes) => {
    expect(replies([bytes])).toEqual(['Malformed']);
  });

  test('as deep as the limit', () => {
    expect(replies([`${'*1\r\n'.repeat(DEPTH_MAX)}:1\r\n`])).toHaveLength(1);
  });

  test('a long string comes in pieces, unless all of it is wanted', () => {
    const body = 'x'.repeat(200_000);
    const bytes = Buffer.from(`*2\r\n$${body.length}\r\n${body}\r\n:1\r\n`);
    const streamed = new ReplyReader(BYTES_MAX);
    const seen: string[] = [];
    let sent = 0;
    for (let at = 0; at < bytes.length; at += 50_000) {
      streamed.feed(bytes.subarray(at, at + 50_000));
      for (let token = streamed.next(); token !== 'More'; token = streamed.next()) {
        seen.push(token);
        sent += streamed.end - streamed.start;
        if (token === 'Big') streamed.stream();
        if (token === 'Leaf') streamed.done();
      }
    }
    expect([seen[0], seen[1], seen.at(-2), seen.at(-1)]).toEqual(['Open', 'Big', 'Closed', 'Leaf']);
    expect(seen.filter((token) => token === 'Piece').length).toBeGreaterThan(1);
    expect([sent, streamed.isOver]).toEqual([bytes.length, true]);
    expect(replies([bytes.subarray(0, 100_000), bytes.subarray(100_000)])).toEqual([
      { kind: 'List', items: [text(body), text('1')] },
    ]);
  });

  test('random bytes never make it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (pieces) => {
        replies(pieces);
      }),
      { seed: 8, numRuns: 500 },
    );
  });
});

test('a key that is no text has a name all the same, and what stands beside such bytes is named as without them', () => {
  expect(nameOf(Uint8Array.of(0x61, 0xff, 0x00))).toBe('a\\xff\0');
  expect(nameOf(Buffer.from('ключ'))).toBe('ключ');
  expect(nameOf(Buffer.concat([Buffer.from('ключ:'), Uint8Array.of(0xd0)]))).toBe('ключ:\\xd0');
});
