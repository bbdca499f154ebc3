import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Catalog } from '../catalog.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { loadParser, SQL_BYTES_MAX, SQL_TOKENS_MAX } from './parser.ts';
import { readSql } from './reading.ts';
import { openSqlState } from './state.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8'));
});

function kinds(text: string): readonly string[] {
  return readSql(text, catalog, openSqlState(catalog)).command.incomplete.map(({ kind }) => kind);
}

/** A recursive query inside of the condition of another, so deep. */
function recursion(depth: number): string {
  const name = `r${depth}`;
  const inner = depth === 0 ? '' : `WHERE EXISTS (${recursion(depth - 1)})`;
  return `WITH RECURSIVE ${name}(a, b, c) AS (SELECT ssn, email, city FROM customers UNION ALL SELECT b, c, a FROM ${name} ${inner}) SELECT * FROM ${name}`;
}

function padded(bytes: number): string {
  const text = 'SELECT 1 /**/';
  return text.replace('/**/', `/*${'x'.repeat(bytes - text.length)}*/`);
}

describe('texts at a limit', () => {
  test.each<[string, string, readonly string[]]>([
    ['as long as may be, less one', padded(SQL_BYTES_MAX - 1), []],
    ['as long as may be', padded(SQL_BYTES_MAX), []],
    ['one byte longer', padded(SQL_BYTES_MAX + 1), ['TooLarge']],
    ['longer in bytes alone', padded(SQL_BYTES_MAX - 1).replace('xx', 'éé'), ['TooLarge']],
    ['brackets that nest', `SELECT ${'('.repeat(700)}1${')'.repeat(700)}`, []],
    ['brackets that nest too deep', `SELECT ${'('.repeat(900)}1${')'.repeat(900)}`, ['TooLarge']],
    ['queries that nest', `SELECT ${'(SELECT '.repeat(250)}1${')'.repeat(250)}`, []],
    ['queries that nest too deep', `SELECT ${'(SELECT '.repeat(3000)}1${')'.repeat(3000)}`, ['TooLarge']],
    ['an IN that nests too deep', `SELECT 1${' IN (1)'.repeat(3000)}`, ['TooLarge']],
    ['a cast that nests too deep', `SELECT 1${'::int'.repeat(9000)}`, ['TooLarge']],
    ['a sum that nests too deep', `SELECT 1${' + 1'.repeat(20_000)}`, ['TooLarge']],
    [
      'a CASE that nests too deep',
      `SELECT ${'CASE WHEN true THEN '.repeat(6000)}1${' END'.repeat(6000)}`,
      ['TooLarge'],
    ],
    ['a CASE whose label says END', `SELECT ${'CASE WHEN t.end THEN '.repeat(6000)}1`, ['TooLarge']],
    ['queries in WITH that wait for one another', recursionChain(1500), ['TooLarge']],
    ['recursion in recursion', recursion(1), []],
    ['recursion in recursion in recursion ...', recursion(8), ['TooLarge']],
    ['rows that double', `WITH ${doubling(40)} SELECT * FROM a39`, ['TooLarge']],
    ['a zero byte', 'SELECT 1\0; DROP TABLE orders', ['Unparsable']],
    ['many statements', 'SELECT 1;'.repeat(2000), []],
    ['as many literals as may be', list(SQL_TOKENS_MAX), []],
    ['one token more', list(SQL_TOKENS_MAX + 1), ['TooLarge']],
    ['a text as long as may be, full of literals', list(SQL_BYTES_MAX - 20), ['TooLarge']],
    ['as many parameters as the protocol takes', parameters(65_535), []],
    ['many alternatives', `SELECT * FROM orders WHERE ${'id = 1 OR '.repeat(5000)} id = 2`, []],
  ])('%s', (_, text, expected) => {
    expect([...new Set(kinds(text))]).toEqual(expected);
  });

  test('the parser works on after all of them', () => {
    expect(kinds('SELECT * FROM orders')).toEqual([]);
  });
});

/** An IN list of that many tokens, one character each. */
function list(tokens: number): string {
  // SELECT 1 FROM orders WHERE id IN ( 0 ... ) and perhaps one token more: a sign.
  const pairs = Math.floor((tokens - 10) / 2);
  return `SELECT 1 FROM orders WHERE id IN (${tokens % 2 === 0 ? '' : '-'}0${',1'.repeat(pairs)})`;
}

function parameters(count: number): string {
  const all = Array.from({ length: count }, (_, index) => `$${index + 1}`);
  return `SELECT 1 FROM orders WHERE id IN (${all.join(',')})`;
}

function recursionChain(length: number): string {
  const parts = Array.from({ length }, (_, n) => `a${n} AS (SELECT * FROM ${n + 1 < length ? `a${n + 1}` : 'orders'})`);
  return `WITH RECURSIVE ${parts.join(', ')} SELECT * FROM a0`;
}

function doubling(length: number): string {
  const from = (n: number) => (n === 0 ? 'customers x, customers y' : `a${n - 1} x, a${n - 1} y`);
  return Array.from({ length }, (_, n) => `a${n} AS (SELECT x.*, y.* FROM ${from(n)})`).join(', ');
}

test('no text makes it throw', () => {
  const word = fc.constantFrom(
    ...'SELECT FROM WHERE customers orders c ssn email * ( ) , ; . :: = AND OR NOT NULL CASE WHEN THEN END'.split(' '),
    ...'WITH RECURSIVE AS UNION ALL INSERT INTO VALUES UPDATE SET DELETE RETURNING JOIN ON USING LATERAL'.split(' '),
    ...'EXPLAIN ANALYZE PREPARE EXECUTE p COPY TO STDOUT DECLARE CURSOR FOR FETCH SET search_path x'.split(' '),
    "'a'",
    '1',
    '$1',
    '"q"',
    'row_to_json',
    'count',
    'ARRAY[',
    ']',
    'GROUP BY',
    'ORDER BY',
    'LIMIT',
    'MERGE',
    'ALTER TABLE',
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 16 }), fc.string({ unit: 'binary', maxLength: 20 }), (words, junk) => {
      expect(() => kinds(words.join(' '))).not.toThrow();
      expect(() => kinds(junk)).not.toThrow();
    }),
    { numRuns: 1500, seed: 20261128 },
  );
});
