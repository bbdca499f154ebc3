import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Catalog } from '../catalog.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { loadParser } from './parser.ts';
import { readSql } from './reading.ts';
import { openSqlState } from './state.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8'));
});

/** The columns that the statement asks about. */
function asked(text: string): string {
  const { command } = readSql(text, catalog, openSqlState(catalog));
  const columns = command.statements.flatMap((statement) => statement.columns);
  const conditions = columns.filter(({ use }) => use === 'Condition');
  return [...new Set(conditions.map(({ table, column }) => `${table}.${column}`))].join(' ');
}

describe('a definition that fails on some values, or makes others tell of them, asks about its columns', () => {
  test.each([
    ['ALTER TABLE customers ALTER COLUMN ssn TYPE varchar(11)', 'customers.ssn'],
    ['ALTER TABLE customers ALTER COLUMN ssn SET STATISTICS 10', ''],
    ['ALTER TABLE customers ALTER COLUMN ssn SET NOT NULL', ''],
    ['ALTER TABLE customers ADD UNIQUE (ssn, city)', 'customers.ssn customers.city'],
    ['ALTER TABLE customers ADD PRIMARY KEY (ssn)', 'customers.ssn'],
    ['ALTER TABLE customers ADD EXCLUDE (ssn WITH =)', 'customers.ssn'],
    ['ALTER TABLE customers ADD FOREIGN KEY (ssn) REFERENCES archive (label) NOT VALID', 'customers.ssn archive.label'],
    ['ALTER TABLE customers ADD CONSTRAINT given NOT NULL ssn', ''],
    ['ALTER TABLE customers ADD COLUMN other text UNIQUE', ''],
    ['CREATE TABLE own (ssn text UNIQUE, city text, PRIMARY KEY (city))', ''],
    ['CREATE UNIQUE INDEX ON customers (ssn)', 'customers.ssn'],
    ['CREATE INDEX ON customers (ssn, id) INCLUDE (city)', 'customers.ssn customers.id'],
    ['CREATE POLICY own ON customers USING (ssn IN (SELECT label FROM archive))', 'customers.ssn archive.label'],
    [
      'ALTER POLICY own ON customers USING (EXISTS (SELECT FROM archive a WHERE a.label = ssn))',
      'archive.label customers.ssn',
    ],
  ])('%s', (text, columns) => {
    expect(asked(text).split(' ').toSorted()).toEqual(columns.split(' ').toSorted());
  });
});

describe('a comparison that fails on some values asks about what it compares', () => {
  test.each([
    ["SELECT greatest(ROW(ssn, 1), ROW('1', 'x'::text)) FROM customers", 'customers.ssn'],
    ["SELECT least(ARRAY[ROW(ssn, 1)], ARRAY[ROW('1', 'x'::text)]) FROM customers", 'customers.ssn'],
    ["SELECT max(ARRAY[ROW(ssn, '{}'::json)]) FROM customers", 'customers.ssn'],
    ['SELECT greatest(l, l) FROM (SELECT i AS l FROM archive i) x', 'archive.id archive.label archive.email'],
    ['SELECT min(a) FROM (SELECT array_agg(i) AS a FROM archive i) x', 'archive.id archive.label archive.email'],
    ["SELECT greatest(ssn, '1'), max(ssn), least(id, 3) FROM customers GROUP BY ()", ''],
    ['SELECT max(s) FROM (SELECT upper(ssn) AS s FROM customers) x', ''],
    ['SELECT max(ARRAY[ssn]) FROM customers', ''],
  ])('%s', (text, columns) => {
    expect(asked(text).split(' ').toSorted()).toEqual(columns.split(' ').toSorted());
  });
});

describe('what tells of other tables does so under any name', () => {
  test.each([
    ['SELECT 1 FROM (SELECT most_common_vals::text AS v FROM pg_stats) s WHERE v LIKE $1', 'StatisticsCondition'],
    ['SELECT 1 FROM pg_stats s ORDER BY s::text', 'StatisticsCondition'],
    ['WITH s(v) AS (SELECT histogram_bounds FROM pg_stats) SELECT 1 FROM s GROUP BY v', 'StatisticsCondition'],
    ['INSERT INTO archive (label) SELECT histogram_bounds::text FROM pg_stats', 'UnknownColumn'],
    ['UPDATE archive SET label = (SELECT query FROM pg_stat_activity WHERE pid = 1)', 'UnknownColumn'],
    ['INSERT INTO archive (label) SELECT query FROM pg_stat_get_activity(NULL)', 'UnknownColumn'],
    ['CREATE TABLE own AS SELECT statement FROM pg_cursors', 'UnknownColumn'],
    ['SELECT v FROM (SELECT most_common_vals AS v FROM pg_stats) s', undefined],
    ["SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT%'", undefined],
    ['INSERT INTO archive (label) SELECT state FROM pg_stat_activity', undefined],
  ])('%s', (text, kind) => {
    const { incomplete } = readSql(text, catalog, openSqlState(catalog)).command;
    expect(incomplete.map((each) => each.kind)).toEqual(kind === undefined ? [] : expect.arrayContaining([kind]));
  });
});

describe('what is defined among the server’s own objects passes for them', () => {
  test.each([
    ["CREATE FUNCTION pg_catalog.leak() RETURNS text LANGUAGE sql AS 'SELECT 1'", true],
    ['CREATE VIEW information_schema.leak AS SELECT email FROM customers', true],
    ['CREATE OR REPLACE VIEW information_schema.sequences AS SELECT 1', true],
    ['SET search_path = information_schema; CREATE VIEW leak AS SELECT email FROM public.customers', true],
    ['CREATE DOMAIN pg_catalog.citext AS varchar(4)', true],
    ['CREATE OPERATOR pg_catalog.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = net)', true],
    ['ALTER FUNCTION net(numeric) SET SCHEMA pg_catalog', true],
    ['ALTER FUNCTION pg_read_file(text) RENAME TO timeofday', true],
    ['ALTER FUNCTION pg_catalog.pg_read_file(text) STABLE', true],
    ['ALTER FUNCTION net(numeric) RENAME TO gross', false],
    ['CREATE VIEW own AS SELECT 1', false],
    ['CREATE DOMAIN public.citext AS text', false],
  ])('%s: %s', (text, isSystems) => {
    const { incomplete } = readSql(text, catalog, openSqlState(catalog)).command;
    expect(incomplete.some(({ kind }) => kind === 'SystemTable')).toBe(isSystems);
  });
});

describe('what gets another name is met by the rules on the old one', () => {
  test.each([
    ['ALTER TABLE archive RENAME TO other', 'Write archive, Read archive'],
    ['ALTER TABLE archive SET SCHEMA other', 'Write archive, Read archive'],
    [
      'ALTER TABLE events DETACH PARTITION events_2026',
      'Write events, Write events_2026, Read events_2026, Read events',
    ],
    ['ALTER TABLE archive RENAME COLUMN label TO other', 'Write archive'],
    ['ALTER TABLE archive RENAME CONSTRAINT a TO b', 'Write archive'],
    ['ALTER FUNCTION lives_in(text) RENAME TO other', 'lives_in'],
    ['ALTER FUNCTION public.lives_in(text) SET SCHEMA other', 'lives_in'],
    ['ALTER FUNCTION lives_in(text) STABLE', ''],
  ])('%s: %s', (text, expected) => {
    const { statements } = readSql(text, catalog, openSqlState(catalog)).command;
    const tables = statements.flatMap((statement) => statement.tables.map(({ access, name }) => `${access} ${name}`));
    const functions = statements.flatMap((statement) => statement.functions.map(({ name }) => name));
    expect([...tables, ...functions].join(', ')).toBe(expected);
  });
});

test('an update that is measured asks about what it changes', () => {
  expect(asked("EXPLAIN (ANALYZE, WAL) UPDATE customers SET ssn = '1' WHERE id = 1")).toBe(
    'customers.id customers.ssn',
  );
  expect(asked("EXPLAIN UPDATE customers SET ssn = '1' WHERE id = 1")).toBe('customers.id');
});

test('functions that stand in for what a document lacks are called', () => {
  const text =
    "SELECT a FROM JSON_TABLE('{}', '$' COLUMNS (NESTED '$' COLUMNS (a text PATH '$.x' DEFAULT customer_email(1) ON EMPTY))) j";
  const { command, statements } = readSql(text, catalog, openSqlState(catalog));
  expect(command.statements.flatMap(({ functions }) => functions.map(({ name }) => name))).toContain('customer_email');
  expect(statements[0]?.outputs).toMatchObject([
    { kind: 'Computed', columns: [{ table: 'customers', column: 'email' }] },
  ]);
});
