import { expect, test } from '@jest/globals';
import type { RedisCommand } from '@sidegate/policy';
import fc from 'fast-check';
import { MASKS } from '../ssh/testing/exhibit.ts';
import { classify } from './classify.ts';
import { committedCatalog } from './command-catalog.ts';
import { textOf } from './command-text.ts';
import { splitInline } from './inline.ts';
import { RedisCommandJudged } from './redis-command-judged.ts';
import { EXHIBIT_MASKS } from './testing/exhibit.ts';

const SESSION = { databaseShown: '0', inTransaction: false };
const AROUND = { catalog: committedCatalog(), databases: undefined, database: 0, inTransaction: false };

/** As it is shown where masks hide sessions. */
function shown(...args: readonly Buffer[]): string {
  const reading = classify(args, AROUND);
  return new RedisCommandJudged(args, Buffer.alloc(0), reading, {
    ...SESSION,
    recordMasks: EXHIBIT_MASKS,
  }).maskedText();
}

const word = fc
  .array(fc.constantFrom('a', '\0', 'Read', 'Write', '=', '~', '3'), { maxLength: 6 })
  .map((all) => all.join(''));
const use: fc.Arbitrary<RedisCommand['keys'][number]> = fc
  .tuple(
    word,
    fc.constantFrom('Read' as const, 'Write' as const),
    fc.constantFrom(undefined, 'Part' as const),
    fc.boolean(),
  )
  .map(([name, access, how, isPattern]) => ({
    name,
    access,
    ...(how === undefined ? {} : { use: how }),
    ...(isPattern ? { isPattern: true as const } : {}),
  }));

function cacheKeyOf(keys: RedisCommand['keys']): string | undefined {
  const command: RedisCommand = {
    protocol: 'Redis',
    complete: true,
    incomplete: [],
    name: 'MGET',
    categories: [],
    keys,
  };
  const reading = {
    command,
    plan: { kind: 'Plain' as const },
    keyIndexes: new Set<number>(),
    keysRead: keys.length,
    unsupported: undefined,
  };
  return new RedisCommandJudged([], Buffer.alloc(0), reading, { ...SESSION, recordMasks: MASKS }).cacheKey;
}

test('decisions are kept under one name only for commands that use the same keys in the same way', () => {
  const uses = fc.array(use, { maxLength: 3 });
  fc.assert(
    fc.property(uses, uses, (some, others) => {
      const isSame = JSON.stringify(some) === JSON.stringify(others);
      expect(cacheKeyOf(some) === cacheKeyOf(others)).toBe(isSame);
    }),
    {
      seed: 1,
      numRuns: 20_000,
      examples: [
        [[{ name: 'a\0Read=\0b', access: 'Read' }], ['a', 'b'].map((name) => ({ name, access: 'Read' as const }))],
      ],
    },
  );
});

test('bytes that are no text are shown as Redis would read them again', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0xff, 0x22, 0x5c, 0x78, 0x0a, 0x20), { maxLength: 6 }), (bytes) => {
      const args = [Buffer.from('GET'), Buffer.from([...bytes, 0xff])];
      expect(splitInline(Buffer.from(textOf(args)))?.map((arg) => Buffer.from(arg))).toEqual(args);
    }),
  );
});

test.each([
  'COPY session:1 session:2 DB 5 REPLACE',
  'MOVE session:1 5',
  'LTRIM session:1 0 0',
  'LMOVE session:1 session:2 LEFT RIGHT',
  'EXPIREAT session:1 1',
  'XTRIM session:1 MAXLEN 0',
])('masks hide nothing of %s, in which no value stands', (line) => {
  expect(shown(...line.split(' ').map((one) => Buffer.from(one)))).toBe(line);
});

test.each([
  ['SET session:1 secret EX 5', 'SET session:1 [masked] [masked] [masked]'],
  ['LSET session:1 0 secret', 'LSET session:1 [masked] [masked]'],
  ['SMOVE session:1 session:2 secret', 'SMOVE session:1 session:2 [masked]'],
])('of %s they hide what may be one', (line, expected) => {
  expect(shown(...line.split(' ').map((one) => Buffer.from(one)))).toBe(expected);
});

test('a key whose name is no text is not shown as another that is', () => {
  const [byte, letters] = [Buffer.from('a\xff', 'latin1'), Buffer.from('a\\xff')];
  expect([shown(Buffer.from('DEL'), byte), shown(Buffer.from('DEL'), letters)]).toEqual([
    'DEL "a\\xff"',
    'DEL "a\\\\xff"',
  ]);
});
