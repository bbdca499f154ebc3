import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Catalog } from '../catalog.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import type { OutputOrigin } from '../sql-reading.ts';
import { fakeMasks } from '../testing/fake-masks.ts';
import { loadParser } from './parser.ts';
import { readSql } from './reading.ts';
import { openSqlState } from './state.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8'));
});

function read(text: string) {
  return readSql(text, catalog, openSqlState(catalog));
}

function show(origin: OutputOrigin): string {
  if (origin.kind === 'Column') return `${origin.table}.${origin.column}`;
  if (origin.kind !== 'Computed') return origin.kind;
  return `f(${origin.columns.map(({ table, column }) => `${table}.${column}`).join(' ')})`;
}

function outputs(text: string): string | undefined {
  return read(text).statements.at(-1)?.outputs?.map(show).join(', ');
}

function kinds(text: string): readonly string[] {
  return read(text).command.incomplete.map(({ kind }) => kind);
}

describe('the origin of result columns', () => {
  test.each([
    ['an alias', 'SELECT email AS x FROM customers', 'customers.email'],
    ['a cast to text', 'SELECT email::text FROM customers', 'customers.email'],
    ['a cast that cuts it off', 'SELECT email::name FROM customers', 'f(customers.email)'],
    ['a part of it', 'SELECT substring(ssn, 1, 3) FROM customers', 'f(customers.ssn)'],
    ['a view', 'SELECT contact, loud_ssn FROM customer_contacts', 'customers.email, f(customers.ssn)'],
    ['a CTE', 'WITH c(y) AS (SELECT ssn FROM customers) SELECT y FROM c', 'customers.ssn'],
    ['a derived table', 'SELECT d.* FROM (SELECT id, ssn FROM customers) d', 'customers.id, customers.ssn'],
    ['UNION', 'SELECT city FROM customers UNION ALL SELECT ssn FROM customers', 'f(customers.city customers.ssn)'],
    ['LATERAL', 'SELECT u.x FROM customers c, LATERAL (SELECT c.email AS x) u', 'customers.email'],
    ['UNNEST', 'SELECT x FROM customers, unnest(ARRAY[email, ssn]) AS x', 'f(customers.email customers.ssn)'],
    ['a row as json', 'SELECT row_to_json(o) FROM (SELECT id, ssn FROM customers) o', 'f(customers.id customers.ssn)'],
    ['a whole row', 'SELECT o FROM (SELECT id, ssn FROM customers) o', 'f(customers.id customers.ssn)'],
    ['an attribute written as a function', 'SELECT ssn(c) FROM customers c', 'customers.ssn'],
    ['a field of a row', 'SELECT (c).ssn FROM customers c', 'customers.ssn'],
    ['array_agg', 'SELECT array_agg(email) FROM customers', 'f(customers.email)'],
    ['CASE', "SELECT CASE WHEN ssn LIKE '1%' THEN city END FROM customers", 'f(customers.ssn customers.city)'],
    ['COALESCE', 'SELECT coalesce(email, city) FROM customers', 'f(customers.email customers.city)'],
    ['a subselect', 'SELECT (SELECT ssn FROM customers LIMIT 1)', 'customers.ssn'],
    ['ARRAY of a subselect', 'SELECT ARRAY(SELECT ssn FROM customers)', 'f(customers.ssn)'],
    ['RETURNING', 'DELETE FROM customers WHERE id = 1 RETURNING ssn AS s', 'customers.ssn'],
    ['RETURNING old', 'UPDATE customers SET city = $1 WHERE id = 1 RETURNING old.ssn', 'customers.ssn'],
    ['a partition', 'SELECT ssn FROM events_2026', 'f(events_2026.ssn events.ssn)'],
    ['a cursor', 'DECLARE c CURSOR FOR SELECT ssn FROM customers; FETCH ALL FROM c', 'customers.ssn'],
    ['a prepared statement', 'PREPARE p AS SELECT ssn FROM customers; EXECUTE p', 'customers.ssn'],
    [
      'a USING join',
      'SELECT * FROM (SELECT id FROM orders) a JOIN (SELECT id, ssn FROM customers) b USING (id)',
      'f(orders.id customers.id), customers.ssn',
    ],
    [
      'a recursive CTE that moves columns',
      'WITH RECURSIVE r(a, b) AS (SELECT ssn, city FROM customers UNION ALL SELECT b, a FROM r) SELECT a, b FROM r',
      'f(customers.ssn customers.city), f(customers.city customers.ssn)',
    ],
    ['a function in SQL', 'SELECT customer_email(id) FROM orders', 'f(orders.id customers.email)'],
    ['columns of a function in SQL', "SELECT who, mail FROM contacts('x')", 'f(customers.name), f(customers.email)'],
    ['a function that counts', "SELECT lives_in('x')", 'Literal'],
    ['a count', 'SELECT count(ssn), count(*) FROM customers', 'Literal, Literal'],
    ['constants', "SELECT 1, 'x', $1, now()", 'Literal, Literal, Literal, Literal'],
    ['statistics', 'SELECT tablename, most_common_vals FROM pg_stats', 'pg_stats.tablename, pg_stats.most_common_vals'],
  ])('%s', (_, text, expected) => {
    expect(outputs(text)).toBe(expected);
  });
});

describe('what is not understood', () => {
  test.each([
    ['DO $$ BEGIN END $$', 'DoBlock'],
    ['SELECT wipe()', 'UnknownFunction'],
    ["CREATE FUNCTION later() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'", 'FunctionBody'],
    ['SELECT close_order(1)', 'UnknownFunction'],
    [
      'BEGIN; CREATE OR REPLACE FUNCTION net(numeric) RETURNS text LANGUAGE sql AS $$ SELECT ssn FROM customers $$; SELECT net(1)',
      'StaleCatalog',
    ],
    ['SELECT nothing_like_it()', 'UnknownFunction'],
    ["SELECT 'a' === 'b'", 'UnknownFunction'],
    ["SELECT pg_read_file('/etc/passwd')", 'ServerFile'],
    ["COPY orders TO PROGRAM 'cat'", 'ServerProgram'],
    ["COPY orders FROM '/tmp/x'", 'ServerFile'],
    ["SELECT query_to_xml('select 1', true, true, '')", 'RunsSqlText'],
    ['SELECT * FROM nowhere', 'UnknownTable'],
    ['SELECT nothing FROM orders', 'UnknownColumn'],
    ["INSERT INTO ruled VALUES (1, 'x')", 'RewriteRule'],
    ['SET ROLE admin', 'RoleChange'],
    ["SELECT set_config('search_path', name, true) FROM customers", 'SettingChange'],
    ["SELECT set_config('search_path', $1, false)", 'SettingChange'],
    ["SELECT set_config('session_replication_role', $1, false)", 'SettingChange'],
    ["SELECT set_config('jit', name, false) FROM customers", 'SettingChange'],
    ["SELECT set_config($1, 'off', false)", 'SettingChange'],
    ['EXECUTE nothing', 'UnknownStatement'],
    ['FETCH 1 FROM nothing', 'UnknownCursor'],
    ['SELEC 1', 'Unparsable'],
    [`SELECT ${'('.repeat(900)}1${')'.repeat(900)}`, 'TooLarge'],
    [`SELECT 1 /*${'x'.repeat(9 << 20)}*/`, 'TooLarge'],
    [
      "SELECT * FROM customers WHERE 'x' = ANY(most_common_vals::text[]) ".replace('customers', 'pg_stats'),
      'StatisticsCondition',
    ],
    ['BEGIN; ALTER TABLE orders RENAME COLUMN note TO n2; SELECT status FROM orders', 'StaleCatalog'],
  ])('%s', (text, kind) => {
    expect(kinds(text)).toContain(kind);
  });

  test.each([
    ['SELECT random(), clock_timestamp(), pg_sleep(0)'],
    ["SELECT nextval('audit_log_id_seq')"],
    ["SELECT pg_catalog.set_config('search_path', '', false)"],
    ["SELECT set_config('jit', $1, false)"],
    ["SELECT set_config('statement_timeout', $1::text, true)"],
    ['SET ROLE NONE'],
    ["CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ['SELECT id AS delete FROM orders'],
    ['DROP TABLE IF EXISTS nowhere'],
    [''],
    [';'],
    [' -- nothing'],
    [`SELECT ${'('.repeat(300)}1${')'.repeat(300)}`],
    [`SELECT * FROM orders WHERE ${Array.from({ length: 2000 }, (_, n) => `id = ${n}`).join(' OR ')}`],
  ])('%s is understood', (text) => {
    expect(kinds(text)).toEqual([]);
  });
});

describe('what this session defined', () => {
  test.each<[string, string, readonly string[], string | undefined]>([
    ['a table of this transaction', 'BEGIN; CREATE TABLE t (a int, b text); SELECT b FROM t', [], 't.b'],
    ['a temporary table', 'CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); SELECT * FROM t', [], 't.a'],
    [
      'a table made of a query',
      'CREATE TEMP TABLE t AS SELECT id, city AS c FROM customers; SELECT c FROM t',
      [],
      't.c',
    ],
    ['SELECT INTO', 'SELECT id AS x INTO TEMP t FROM orders; SELECT x FROM pg_temp.t', [], 't.x'],
    ['a table like another', 'CREATE TABLE t (LIKE archive); SELECT label FROM t', [], 't.label'],
    [
      'a temporary view over a table',
      'CREATE TEMP VIEW orders AS SELECT email AS status FROM customers; SELECT status FROM orders',
      ['StaleCatalog'],
      undefined,
    ],
    ['a temporary table that hides another', 'CREATE TEMP TABLE orders (x int); SELECT * FROM orders', [], 'orders.x'],
    [
      'the hidden one by its full name',
      'CREATE TEMP TABLE archive_ids (x int); SELECT * FROM public.archive_ids',
      ['StaleCatalog'],
      undefined,
    ],
    [
      'a table that was altered',
      'CREATE TABLE t (a int); ALTER TABLE t ADD b int; SELECT b FROM t',
      ['UnknownTable'],
      undefined,
    ],
    ['a table that was dropped', 'CREATE TABLE t (a int); DROP TABLE t; SELECT a FROM t', ['UnknownTable'], undefined],
    [
      'a table made twice',
      'DROP TABLE archive_ids; CREATE TABLE archive_ids (z int); SELECT z FROM archive_ids',
      ['StaleCatalog', 'UnknownColumn'],
      undefined,
    ],
    ['a view of this transaction', 'CREATE VIEW v AS SELECT 1 AS x; SELECT x FROM v', ['UnknownTable'], undefined],
  ])('%s', (_, text, expected, output) => {
    expect(kinds(text)).toEqual(expected);
    if (output !== undefined) expect(outputs(text)).toBe(output);
  });
});

describe('conditions without effect', () => {
  test.each([
    ['DELETE FROM orders', false],
    ['DELETE FROM orders WHERE true', false],
    ['DELETE FROM orders WHERE 1=1', false],
    ['DELETE FROM orders WHERE id = id', false],
    ["DELETE FROM orders WHERE id = 5 OR 'a' = 'a'", false],
    ['DELETE FROM orders WHERE id IS NULL OR id IS NOT NULL', false],
    ['DELETE FROM orders WHERE NOT false', false],
    ['DELETE FROM orders WHERE id = 5', true],
    ['DELETE FROM orders WHERE id = $1', true],
    ['DELETE FROM orders WHERE id = 5 AND 1 = 1', true],
  ])('%s', (text, hasWhere) => {
    expect(read(text).command.statements[0]?.hasWhere).toBe(hasWhere);
  });
});

describe('writes inside of other statements', () => {
  test.each([
    ['WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d', ['SELECT', 'DELETE']],
    ['EXPLAIN ANALYZE DELETE FROM orders', ['EXPLAIN', 'DELETE']],
    ['EXPLAIN (ANALYZE off) DELETE FROM orders', ['EXPLAIN']],
    ['PREPARE p AS DELETE FROM orders', ['PREPARE', 'DELETE']],
    ['SELECT 1; DROP TABLE orders', ['SELECT', 'DROP']],
    ['SELECT * INTO copy FROM orders', ['SELECT', 'CREATE']],
    ['COPY (DELETE FROM orders RETURNING id) TO STDOUT', ['COPY', 'DELETE']],
    ['MERGE INTO orders o USING archive a ON o.id = a.id WHEN MATCHED THEN DELETE', ['MERGE', 'DELETE']],
    [
      'MERGE INTO archive_ids o USING archive a ON o.id = a.id WHEN MATCHED THEN UPDATE SET id = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)',
      ['MERGE', 'UPDATE', 'INSERT'],
    ],
    ['MERGE INTO orders o USING archive a ON o.id = a.id WHEN MATCHED THEN DO NOTHING', ['MERGE']],
    ['INSERT INTO archive_ids VALUES (1) ON CONFLICT DO NOTHING', ['INSERT']],
    ['INSERT INTO accounts VALUES (1) ON CONFLICT (id) DO UPDATE SET label = $1', ['INSERT', 'UPDATE']],
  ])('%s', (text, verbs) => {
    expect(read(text).verbs).toEqual(verbs);
  });
});

describe('literals in what a record shows', () => {
  const masks = fakeMasks(
    { 'public.customers.ssn': { type: 'Redact' }, 'public.customers.email': { type: 'Redact' } },
    'Ada',
  );

  test.each([
    [
      "SELECT id FROM customers WHERE ssn = '078' AND city = 'x'",
      "SELECT id FROM customers WHERE ssn = '[masked]' AND city = 'x'",
    ],
    [
      "SELECT 1 FROM customers WHERE lower(email) IN ('a', $$b$$)",
      "SELECT 1 FROM customers WHERE lower(email) IN ('[masked]', '[masked]')",
    ],
    [
      "INSERT INTO customers (id, ssn, city) VALUES (1, '0', 'é'), (2, E'\\'', 'x')",
      "INSERT INTO customers (id, ssn, city) VALUES (1, '[masked]', 'é'), (2, '[masked]', 'x')",
    ],
    [
      "UPDATE customers SET email = 'a@b', city = 'c' WHERE id = 7",
      "UPDATE customers SET email = '[masked]', city = 'c' WHERE id = 7",
    ],
    [
      "WITH k(s) AS (VALUES ('1')) SELECT 1 FROM customers, k WHERE ssn = s",
      "WITH k(s) AS (VALUES ('[masked]')) SELECT 1 FROM customers, k WHERE ssn = s",
    ],
    [
      "SELECT 1 FROM customer_contacts WHERE contact = 'zz'",
      "SELECT 1 FROM customer_contacts WHERE contact = '[masked]'",
    ],
    [
      "PREPARE p AS SELECT 1 FROM customers WHERE ssn = $1; EXECUTE p('07')",
      "PREPARE p AS SELECT 1 FROM customers WHERE ssn = $1; EXECUTE p('[masked]')",
    ],
    ["SELECT has_ssn('07'), lives_in('x')", "SELECT has_ssn('[masked]'), lives_in('x')"],
    ['SELECT 1 /* for Ada */', 'SELECT 1 /* for *** */'],
  ])('%s', (text, expected) => {
    expect(read(text).masksText(masks)).toBe(expected);
    // The second time the shape is known.
    expect(read(text).masksText(masks)).toBe(expected);
  });
});

test('parameters meet the columns that they are compared with or written to', () => {
  const { parameters } = read('UPDATE customers SET city = $2 WHERE ssn = $1 AND id > $3 - 1');
  expect(parameters.map((columns) => columns?.map(({ column }) => column))).toEqual([['ssn'], ['city'], ['id']]);
});

describe('the tables that a text touches', () => {
  test.each([
    ['a partition is its parent as well', 'SELECT kind FROM events_2026', 'Read events_2026, Read events'],
    ['so it is when it is written', 'DELETE FROM events_2026', 'Write events_2026, Write events'],
    ['a parent is its partitions', 'SELECT kind FROM events', 'Read events, Read events_2026'],
    ['unless it is read alone', 'SELECT kind FROM ONLY events', 'Read events'],
    ['another table is only itself', 'SELECT id FROM orders', 'Read orders'],
    ['a plain write reads nothing', "UPDATE orders SET note = 'x'", 'Write orders'],
    ['a write that looks reads', "UPDATE orders SET note = 'x' WHERE id = 1", 'Write orders, Read orders'],
    ['a write that adds to what is there reads', "UPDATE orders SET note = note || 'x'", 'Write orders, Read orders'],
    ['what an INSERT returns is its own', 'INSERT INTO orders (id) VALUES (1) RETURNING id', 'Write orders'],
  ])('%s', (_, text, expected) => {
    const tables = read(text).command.statements.flatMap((statement) => statement.tables);
    expect(tables.map(({ access, name }) => `${access} ${name}`).join(', ')).toBe(expected);
  });
});
