import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { scanSync } from 'libpg-query';
import type { Catalog } from '../catalog.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { fakeMasks } from '../testing/fake-masks.ts';
import { lexSql } from './lexer.ts';
import { shapeOf } from './normalise.ts';
import { loadParser } from './parser.ts';
import { readSql, readWhole } from './reading.ts';
import { openSqlState } from './state.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8'));
});

describe('the shape of a text', () => {
  test.each([
    ['SELECT 1', 'SELECT 2'],
    ["SELECT * FROM t WHERE a = 'x'", "SELECT * FROM t WHERE a = 'it''s -- /* $$'"],
    ["SELECT * FROM t WHERE a = 'x'", 'SELECT * FROM t WHERE a = $q$ it is; $q$'],
    ['SELECT 1 /* a /* nested */ comment */', 'SELECT 1 -- to the end'],
    ["SELECT a <-> '[1]'", "SELECT a <-> '[2]'"],
    ['SELECT a > 1', 'SELECT a > 2'],
    ["INSERT INTO t VALUES (1, 'a', 2.5)", "INSERT INTO t VALUES (-0.5e-3, 'b', 7)".replace('-0.5', '0.5')],
  ])('%s and %s are of one', (left, right) => {
    expect(shapeOf(left)?.trimEnd()).toBe(shapeOf(right)?.trimEnd());
    expect(shapeOf(left)).toBeDefined();
  });

  test.each([
    ['SELECT 1', 'SELECT -1'],
    ["SELECT 'a'", 'SELECT "a"'],
    ["SELECT 'a'", 'SELECT 1'],
    ['SELECT a', 'SELECT b'],
    ['SELECT $1', 'SELECT $2'],
    ["SELECT 'a'", "SELECT 'a', 'b'"],
    ["SELECT d -> 'a'", "SELECT d -> 'b'"],
    ["SELECT d->>'a'", "SELECT d->>'b'"],
    ["SELECT d #> '{a}'", "SELECT d #> '{b}'"],
    ['SELECT d #>> $$ {a} $$', 'SELECT d #>> $$ {b} $$'],
    ['SELECT d -> 1', 'SELECT d -> 2'],
  ])('%s and %s are of two', (left, right) => {
    expect(shapeOf(left)).not.toBe(shapeOf(right));
  });

  test.each([
    ['a setting', 'SET search_path = 1'],
    ['an option', "COPY t TO STDOUT (DELIMITER '|')"],
    ['a second statement of another kind', 'SELECT 1; SET search_path = 1'],
    ['junk after a number', 'SELECT 12abc'],
    ['a hexadecimal number', 'SELECT 0x1F'],
    ['an escape that may be wrong', "SELECT E'\\u00'"],
    ['a Unicode string', "SELECT U&'d\\0061t'"],
    ['a Unicode identifier', 'SELECT U&"d\\0061t" FROM t'],
    ['a string that goes on', "SELECT 'a'\n'b'"],
    ['a string that does not end', "SELECT 'a"],
    ['a dollar quote that does not end', 'SELECT $a$ b'],
    ['a comment that does not end', 'SELECT 1 /* /* */'],
    ['a mark', "SELECT '\u0001s'"],
  ])('%s has none', (_, text) => {
    expect(shapeOf(text)).toBeUndefined();
  });
});

/** The same cases every time; other seeds are for those who change the lexer. */
const SEED = Number(process.env['SQL_FUZZ_SEED'] ?? 20261128);

const LITERALS = [
  "'x'",
  "'it''s'",
  "'-- no comment'",
  "'/* nor here'",
  '$$dollar$$',
  "$t$ it's $t$",
  "E'a\\'b'",
  "E'\\n'",
  "'é'",
  "''",
  "'078-05-1120'",
  "'ada@example.com'",
  "'%'",
  "'true'",
  "N'n'",
  "B'101'",
  "U&'\\0061'",
  "'a'\n'b'",
  '0',
  '1',
  '2',
  '42',
  '1.5',
  '1e3',
  '2147483648',
  '.5',
  '1_000',
  '0x1F',
  "'{a,b}'",
  "'{b}'",
  'NULL',
  'true',
  '$1',
];
const TEMPLATES: readonly string[] = [
  'SELECT ssn, email FROM customers ORDER BY ? DESC, ?',
  'SELECT ssn, email FROM customers GROUP BY ?, ROLLUP(?, ?)',
  'SELECT DISTINCT ON (?) ssn, email FROM customers ORDER BY ?',
  'SELECT ssn FROM customers UNION SELECT email FROM customers ORDER BY ?',
  'SELECT rank() OVER (PARTITION BY ? ORDER BY ?), ssn FROM customers',
  'SELECT substr(ssn, ?, ?), left(email, ?), lpad(ssn, ?, ?) FROM customers',
  'SELECT format(?, ssn, email) FROM customers',
  'SELECT overlay(ssn placing ? from ?), split_part(ssn, ?, ?) FROM customers',
  'SELECT CASE ? WHEN ? THEN ssn ELSE email END FROM customers',
  'SELECT (ARRAY[ssn, email])[?] FROM customers',
  'SELECT nth_value(ssn, ?) OVER (), lag(ssn, ?) OVER (), ntile(?) OVER () FROM customers',
  'SELECT repeat(ssn, ?), replace(ssn, ?, ?), translate(ssn, ?, ?) FROM customers',
  'SELECT string_agg(ssn, ?), concat_ws(?, ssn, ?) FROM customers',
  'SELECT coalesce(ssn, ?), nullif(ssn, ?), greatest(ssn, ?) FROM customers',
  'SELECT jsonb_build_object(?, ssn, ?, email), json_build_array(ssn, ?) FROM customers',
  'SELECT jsonb_set(data, ?, ?) FROM orders',
  'SELECT ssn FROM customers WHERE ? AND ssn = ? OR NOT ?',
  'SELECT ssn FROM customers WHERE EXISTS (SELECT ?) AND ? IN (SELECT ?)',
  'UPDATE customers SET email = ? WHERE ? OR id = ?',
  'UPDATE customers SET email = ? WHERE id > ? AND (? OR ?)',
  'DELETE FROM customers WHERE id BETWEEN ? AND ?',
  'DELETE FROM customers WHERE ? IS NOT NULL AND id IS DISTINCT FROM ?',
  'INSERT INTO customers SELECT ?, ssn FROM customers ON CONFLICT (id) DO UPDATE SET email = ? WHERE ?',
  'SELECT date_trunc(?, now()), to_char(id, ?), extract(epoch from now()) + ? FROM orders',
  'SELECT nextval(?), currval(?), pg_sleep(?), pg_read_file(?)',
  'SELECT * FROM generate_series(?, ?) g, customers LIMIT ? OFFSET ?',
  'SELECT * FROM customers FETCH FIRST ? ROWS ONLY',
  'SELECT current_setting(?), pg_notify(?, ssn) FROM customers',
  'VALUES (?, ?), (?, ?) ORDER BY ?',
  'SELECT query_to_xml(?, true, false, ?), to_regclass(?), has_table_privilege(?, ?)',
  'SELECT interval ? , timestamp ?, ?::int[] FROM customers',
  'SELECT ssn ~ ?, ssn LIKE ? ESCAPE ?, regexp_replace(ssn, ?, ?, ?) FROM customers',
  'SELECT * FROM json_to_recordset(?) AS x(a int), customers',
  'SELECT setting FROM pg_settings WHERE name = ?',
  'SELECT * FROM pg_stats WHERE tablename = ? AND attname = ?',
  'MERGE INTO customers c USING orders o ON c.id = o.id AND ? WHEN MATCHED AND ? THEN UPDATE SET email = ?',
  'SELECT id, email FROM customers WHERE name = ? AND id = ? ORDER BY ? LIMIT ?',
  'SELECT * FROM customers WHERE ssn IN (?, ?) OR ? = ?',
  'SELECT count(*) FROM orders GROUP BY ?',
  'DELETE FROM orders WHERE ? = ?',
  'DELETE FROM orders WHERE id + ? = id + ?',
  'DELETE FROM orders WHERE note LIKE ?',
  'UPDATE customers SET email = ?, name = ? WHERE id = ?',
  'INSERT INTO customers (id, ssn) VALUES (?, ?), (?, ?)',
  'SELECT set_config(?, ?, true)',
  'WITH v(x) AS (VALUES (?)) SELECT * FROM customers, v WHERE email = x /* ? */',
  'SELECT ?::text, ?::regclass, (SELECT max(id) FROM orders WHERE status = ?)',
  'SELECT 1 -- ?\n, ?; DELETE FROM orders WHERE status = ?',
  "SELECT * FROM orders WHERE (data ->> ?) = ? OR note = concat(?, 'x')",
  'SELECT data -> ? -> ? ->> ?, data->(?) FROM orders WHERE data #>> ? = ?',
  'SELECT data -> /* c */ ? FROM orders o WHERE o.data->-? = ?',
  'SELECT data -> (?) FROM orders',
  'SELECT data ->           ? FROM orders WHERE (data -> ?)::text = ?',
  'SELECT data -> ?::text, (data) -> (?::text) FROM orders',
];

test('a text whose shape is known reads as it would alone', () => {
  const masks = fakeMasks(
    { 'public.customers.ssn': { type: 'Redact' }, 'public.customers.email': { type: 'Partial' } },
    'Ada',
  );
  const text = fc
    .constantFrom(...TEMPLATES)
    .chain((template) =>
      fc
        .array(fc.constantFrom(...LITERALS), { minLength: 6, maxLength: 6 })
        .map((literals) => literals.reduce((filled, literal) => filled.replace('?', () => literal), template)),
    );
  fc.assert(
    fc.property(text, (sql) => {
      const state = openSqlState(catalog);
      const cached = readSql(sql, catalog, state);
      const alone = readWhole(sql, catalog, state).reading;
      expect({ ...cached, masksText: cached.masksText(masks) }).toEqual({
        ...alone,
        masksText: alone.masksText(masks),
      });
    }),
    { numRuns: 400, seed: SEED },
  );
});

/** Token types of PostgreSQL's scanner by the kind that this lexer gives them. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['SCONST', 'String'],
  ['USCONST', 'String'],
  ['BCONST', 'String'],
  ['XCONST', 'String'],
  ['ICONST', 'Number'],
  ['FCONST', 'Number'],
]);
const NUMBERS: ReadonlyMap<number, string> = new Map([
  [260, 'Number'],
  [261, 'String'],
  [262, 'String'],
  [263, 'String'],
  [264, 'String'],
  [266, 'Number'],
  [275, 'Comment'],
  [276, 'Comment'],
]);

test('a position in ORDER BY is read though a number of the same shape, which is none, was read before', () => {
  const state = openSqlState(catalog);
  const conditions = (sql: string): number =>
    readSql(sql, catalog, state).command.statements.flatMap(({ columns }) =>
      columns.filter(({ use, column }) => use === 'Condition' && column === 'ssn'),
    ).length;
  expect(conditions('SELECT id, ssn FROM customers ORDER BY 1.5')).toBe(0);
  expect(conditions('SELECT id, ssn FROM customers ORDER BY 2')).toBe(1);
});

test('the lexer cuts literals and comments as the scanner does', () => {
  const pieces = fc.constantFrom(
    ...LITERALS,
    ' ',
    '\n',
    '-- c\n',
    '/* c */',
    '/* /* c */ */',
    '(',
    ')',
    ',',
    ';',
    '+',
    '-',
    '*',
    '/',
    '||',
    '::',
    '.',
    'a',
    'select',
    '"q"',
    '"q""q"',
    'U&"q"',
    'e',
    'x',
    'b',
    'n',
    'u&',
    '$',
    '$a',
    "'",
    '"',
    '\\',
    '1',
    '--',
    '/*',
    '*/',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const tokens = lexSql(text);
      expect(tokens.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
      const scanned = scan(text);
      if (scanned === undefined || tokens.some(({ certain }) => !certain)) return;
      const ours = tokens
        .filter(({ kind }) => kind === 'String' || kind === 'Number' || kind === 'Comment')
        .map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);
      expect(ours).toEqual(scanned);
    }),
    { numRuns: 2000, seed: SEED },
  );
});

/** What PostgreSQL's own scanner sees of literals and comments; undefined when it refuses the text. */
function scan(text: string): readonly string[] | undefined {
  if (text === '') return [];
  try {
    const bytes = Buffer.from(text);
    return scanSync(text).tokens.flatMap(({ tokenName, tokenType, start, end }) => {
      const kind = KINDS.get(tokenName) ?? NUMBERS.get(tokenType);
      return kind === undefined ? [] : [`${kind} ${bytes.subarray(start, end).toString()}`];
    });
  } catch {
    return undefined;
  }
}
