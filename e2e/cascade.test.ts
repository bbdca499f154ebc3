import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Catalog } from '../sidecar/src/protocols/postgres/catalog.ts';
import { CATALOG_QUERIES } from '../sidecar/src/protocols/postgres/catalog-queries.ts';
import { buildCatalog, type CatalogResults } from '../sidecar/src/protocols/postgres/catalog-rows.ts';
import { loadParser } from '../sidecar/src/protocols/postgres/classify/parser.ts';
import { readSql } from '../sidecar/src/protocols/postgres/classify/reading.ts';
import { openSqlState } from '../sidecar/src/protocols/postgres/classify/state.ts';
import { type PostgresServer, startPostgres } from './support/postgres-server.ts';

const TIMEOUT_MS = 300_000;
/** Tables that hang on one another in every way; one row in each that all of it hangs on. */
const SETUP = `
CREATE TABLE a (id int PRIMARY KEY, code int UNIQUE, twice int GENERATED ALWAYS AS (code * 2) STORED UNIQUE, label text);
CREATE TABLE plain (a int REFERENCES a);
CREATE TABLE gone (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
CREATE TABLE gone_too (gone int REFERENCES gone ON DELETE CASCADE, note text);
CREATE TABLE emptied (a int UNIQUE REFERENCES a ON DELETE SET NULL);
CREATE TABLE by_emptied (e int REFERENCES emptied (a) ON UPDATE CASCADE);
CREATE TABLE renamed (code int REFERENCES a (code) ON UPDATE CASCADE);
CREATE TABLE doubled (twice int REFERENCES a (twice) ON UPDATE SET NULL);
CREATE TABLE itself (id int PRIMARY KEY, parent int REFERENCES itself ON DELETE CASCADE);
CREATE TABLE whole (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES IN (1);
CREATE TABLE whole_2 PARTITION OF whole FOR VALUES IN (2);
CREATE TABLE of_whole (id int, part int, FOREIGN KEY (id, part) REFERENCES whole ON DELETE CASCADE) PARTITION BY LIST (part);
CREATE TABLE of_whole_1 PARTITION OF of_whole FOR VALUES IN (1);
CREATE TABLE of_whole_2 PARTITION OF of_whole FOR VALUES IN (2);
CREATE TABLE ancestor (id int); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (ancestor);
CREATE TABLE of_heir (id int REFERENCES heir ON DELETE CASCADE);
CREATE TABLE moved (id int PRIMARY KEY, n int UNIQUE);
CREATE TABLE of_moved (n int REFERENCES moved (n) ON UPDATE CASCADE);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = NEW.n + 1; RETURN NEW; END';
CREATE TRIGGER moves BEFORE UPDATE ON moved FOR EACH ROW EXECUTE FUNCTION move();
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER logs AFTER TRUNCATE ON gone EXECUTE FUNCTION log();
CREATE VIEW seen AS SELECT id, code FROM a;
CREATE VIEW seen_again AS SELECT id FROM seen;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM seen_again;
CREATE SCHEMA held;
CREATE TYPE held.mood AS ENUM ('fine');
CREATE DOMAIN held.word AS text;
CREATE TYPE held.pair AS (one held.word, two int);
CREATE FUNCTION held.double(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE TABLE held.inside (id int PRIMARY KEY);
CREATE TABLE moody (mood held.mood, id int);
CREATE TABLE moods (moods held.mood[]);
CREATE TABLE worded (word held.word, id int); CREATE TABLE paired (pair held.pair, id int);
CREATE VIEW of_moody AS SELECT id FROM moody; CREATE VIEW of_mood AS SELECT mood FROM moody;
CREATE TABLE computed (id int, other int GENERATED ALWAYS AS (held.double(id)) STORED);
CREATE TABLE checked (id int CHECK (held.double(id) > 0), other int DEFAULT held.double(1));
CREATE TABLE of_inside (id int REFERENCES held.inside); CREATE TABLE of_rows (inside held.inside, id int);
CREATE FUNCTION of_checked() RETURNS SETOF checked LANGUAGE sql BEGIN ATOMIC SELECT * FROM checked; END;
CREATE VIEW by_function AS SELECT count(*) FROM of_checked();
INSERT INTO a VALUES (1, 10), (2, 20), (3, 30); INSERT INTO plain VALUES (2); INSERT INTO gone VALUES (1, 3); INSERT INTO gone_too VALUES (1);
INSERT INTO emptied VALUES (3); INSERT INTO by_emptied VALUES (3); INSERT INTO renamed VALUES (10), (20); INSERT INTO doubled VALUES (20);
INSERT INTO itself VALUES (1, NULL), (2, 1); INSERT INTO whole VALUES (1, 1), (2, 2); INSERT INTO of_whole VALUES (1, 1), (2, 2);
INSERT INTO heir VALUES (1); INSERT INTO of_heir VALUES (1); INSERT INTO moved VALUES (1, 1); INSERT INTO of_moved VALUES (1);
INSERT INTO held.inside VALUES (1); INSERT INTO moody VALUES ('fine'); INSERT INTO moods VALUES ('{fine}'); INSERT INTO worded VALUES ('a');
INSERT INTO paired VALUES (ROW('a', 1)); INSERT INTO computed VALUES (1); INSERT INTO checked VALUES (1); INSERT INTO of_inside VALUES (1);
INSERT INTO of_rows VALUES (ROW(1)); REFRESH MATERIALIZED VIEW kept;
`;

let server: PostgresServer;
let client: pg.Client;
let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  server = await startPostgres({ setup: SETUP });
  client = await server.connect();
  const results: Record<string, unknown> = {};
  for (const { name, sql } of CATALOG_QUERIES) {
    const types = { getTypeParser: () => (value: string) => value };
    results[name] = (await client.query<unknown[]>({ text: sql, rowMode: 'array', types })).rows;
  }
  await client.query('SET search_path = public');
  const built = buildCatalog(results as CatalogResults);
  if (!built.ok) throw new Error(built.fault.message);
  catalog = built.value;
}, TIMEOUT_MS);
afterAll(async () => {
  await client?.end();
  await server?.stop();
}, TIMEOUT_MS);

/** Every relation, and what is in it and made of it. */
async function contents(): Promise<ReadonlyMap<string, string>> {
  const { rows } =
    await client.query(`SELECT oid::regclass::text AS name, relkind, (SELECT json_agg(json_build_array(attname,
      atttypid::regtype, pg_get_expr(adbin, adrelid))) FROM pg_attribute a LEFT JOIN pg_attrdef ON adrelid = a.attrelid AND adnum = a.attnum
      WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
    (SELECT json_agg(pg_get_constraintdef(k.oid) ORDER BY k.oid) FROM pg_constraint k WHERE conrelid = c.oid) AS constraints
    FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'held'))`);
  const found = new Map<string, string>();
  for (const { name, relkind, ...made } of rows) {
    // What is in a view is what is in its tables.
    const held = relkind === 'v' ? '' : (await client.query(`SELECT json_agg(t) AS held FROM ${name} t`)).rows[0].held;
    found.set(name, JSON.stringify([made, held]));
  }
  return found;
}

/** The relations that are another after the statement, which is taken back. */
async function changedBy(text: string): Promise<readonly string[]> {
  await client.query('BEGIN');
  try {
    const before = await contents();
    await client.query(text);
    const after = await contents();
    return [...before].filter(([name, held]) => after.get(name) !== held).map(([name]) => name);
  } finally {
    await client.query('ROLLBACK; DEALLOCATE ALL');
  }
}

interface Named {
  readonly kinds: readonly string[];
  /** By relation, the verbs of the statements that write it. */
  readonly written: ReadonlyMap<string, readonly string[]>;
}

function named(text: string): Named {
  const { command } = readSql(text, catalog, openSqlState(catalog));
  const written = new Map<string, string[]>();
  for (const { verb, tables } of command.statements) {
    for (const { schema, name, access } of tables) {
      const full = schema === 'public' ? name : `${schema}.${name}`;
      if (access === 'Write') written.set(full, [...(written.get(full) ?? []), verb]);
    }
  }
  return { kinds: command.incomplete.map(({ kind }) => kind), written };
}

/** Beside what the server changes, this much may be named: what is also written by its name, or could be changed by other rows. */
const CASES: readonly (readonly [text: string, also: readonly string[]])[] = [
  ['TRUNCATE a, plain, gone, gone_too, emptied, by_emptied, renamed, doubled', []],
  ['TRUNCATE a CASCADE', []],
  ['TRUNCATE gone CASCADE', []],
  ['TRUNCATE whole CASCADE', []],
  ['TRUNCATE whole_1 CASCADE', []],
  ['TRUNCATE ancestor CASCADE', []],
  ['TRUNCATE ONLY ancestor CASCADE', ['ancestor']],
  ['TRUNCATE itself CASCADE', []],
  ['DELETE FROM a WHERE id = 3', []],
  ['UPDATE a SET code = 11 WHERE id = 1', []],
  ['UPDATE a SET label = code WHERE id = 1', ['doubled']],
  ['UPDATE seen SET code = 11 WHERE id = 1', ['seen']],
  ['INSERT INTO a VALUES (1, 10) ON CONFLICT (id) DO UPDATE SET code = 11', []],
  ['INSERT INTO a VALUES (1, 10) ON CONFLICT (id) DO NOTHING', ['a']],
  ['MERGE INTO a USING (VALUES (1)) n (id) ON a.id = n.id WHEN MATCHED THEN UPDATE SET code = 11', []],
  ['MERGE INTO gone USING (VALUES (1)) n (id) ON gone.id = n.id WHEN MATCHED THEN DELETE', []],
  ['WITH d AS (DELETE FROM gone WHERE id = 1) SELECT 1', []],
  ['EXPLAIN ANALYZE DELETE FROM gone WHERE id = 1', []],
  ['PREPARE p AS DELETE FROM gone; EXECUTE p', []],
  ['UPDATE emptied SET a = 2', []],
  ['DELETE FROM itself WHERE id = 1', []],
  ['DELETE FROM whole', []],
  ['DELETE FROM whole_2', ['of_whole_1']],
  ['DELETE FROM ancestor', []],
  ['DELETE FROM ONLY ancestor', ['ancestor']],
  ['UPDATE moved SET id = 3', []],
  ['DROP TABLE whole CASCADE', []],
  ['DROP TABLE whole_1 CASCADE', []],
  ['DROP TABLE gone_too', []],
  ['DROP TABLE a CASCADE', []],
  ['DROP VIEW seen CASCADE', []],
  ['DROP TABLE ancestor CASCADE', []],
  ['DROP TABLE heir CASCADE', []],
  ['ALTER TABLE a DROP code CASCADE', ['emptied', 'gone', 'plain']],
  ['ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE', ['doubled', 'renamed', 'kept', 'seen', 'seen_again']],
  ['ALTER TABLE ancestor ADD COLUMN more int', []],
  ['ALTER TABLE whole_1 DISABLE TRIGGER USER', ['whole', 'whole_1']],
  ['ALTER TABLE ancestor ALTER id SET DEFAULT 1', []],
  ['DROP SCHEMA held CASCADE', ['of_moody']],
  ['DROP TYPE held.mood CASCADE', ['of_moody']],
  ['DROP DOMAIN held.word CASCADE', []],
  ['DROP TYPE held.pair CASCADE', []],
  ['DROP FUNCTION held.double CASCADE', []],
  ['DROP FUNCTION held.double(int) CASCADE', []],
  ['DROP TABLE checked CASCADE', []],
  ['DROP TABLE held.inside CASCADE', []],
  ['DROP ROUTINE of_checked CASCADE', []],
];

describe('tables that a statement changes without naming them are named to policy', () => {
  test.each(CASES)('%s', async (text, also) => {
    const changed = await changedBy(text);
    const { kinds, written } = named(text);
    expect(kinds).toEqual([]);
    expect([...written.keys()].toSorted()).toEqual([...new Set([...changed, ...also])].toSorted());
  });

  test.each([
    ['DELETE FROM gone WHERE id = 1', 'gone_too', ['DELETE']],
    ['DELETE FROM a WHERE id = 3', 'emptied', ['UPDATE']],
    ['UPDATE a SET id = 4 WHERE id = 3', 'emptied', undefined],
    ['TRUNCATE a CASCADE', 'gone', ['TRUNCATE']],
    ['DROP TABLE a CASCADE', 'gone', ['DROP']],
    ['ALTER EXTENSION plpgsql ADD TABLE gone', 'gone', ['ALTER']],
  ])('%s: what happens to %s is %j', (text, table, verbs) => {
    expect(named(text).written.get(table)).toEqual(verbs);
  });

  test.each([
    [
      ['ALTER TABLE plain ADD FOREIGN KEY (a) REFERENCES moved ON DELETE CASCADE', 'DELETE FROM moved'],
      ['StaleCatalog'],
    ],
    [['ALTER TABLE plain ADD FOREIGN KEY (a) REFERENCES moved', 'DELETE FROM moved'], []],
    [['ALTER TABLE plain ADD FOREIGN KEY (a) REFERENCES moved', 'TRUNCATE moved CASCADE'], ['StaleCatalog']],
    [['CREATE TABLE made (a int REFERENCES gone ON DELETE CASCADE)', 'DELETE FROM a WHERE id = 1'], ['StaleCatalog']],
    [['CREATE TABLE made (a int REFERENCES gone)', 'DELETE FROM a WHERE id = 1'], []],
    [['CREATE TABLE made (a int REFERENCES gone ON DELETE CASCADE)', 'SELECT * FROM gone'], []],
    [['DROP OPERATOR CLASS held.o USING btree CASCADE'], ['Cascade']],
    [['DROP OPERATOR CLASS held.o USING btree'], []],
    [['DROP OWNED BY CURRENT_USER'], ['Cascade']],
    [['ALTER TYPE held.pair DROP ATTRIBUTE one CASCADE'], ['Cascade']],
    [['DROP INDEX a_code_key CASCADE'], []],
  ])('%j: what cannot be told is %j', (texts, kinds) => {
    expect(named(texts.join('; ')).kinds).toEqual(kinds);
  });

  test('functions of triggers that it runs are listed', () => {
    const functions = (text: string): readonly string[] =>
      readSql(text, catalog, openSqlState(catalog)).command.statements.flatMap((each) =>
        each.functions.map(({ name }) => name),
      );
    expect(functions('TRUNCATE a CASCADE')).toEqual(['log']);
    expect(functions('TRUNCATE moved')).toEqual([]);
    expect(functions('DELETE FROM a WHERE id = 3')).toEqual(['log']);
  });
});
