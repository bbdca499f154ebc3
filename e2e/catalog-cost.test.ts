import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { CATALOG_QUERIES } from '../sidecar/src/protocols/postgres/catalog-queries.ts';
import type { TargetPostgres } from './support/postgres-server.ts';
import { startTargetPostgres } from './support/target-postgres.ts';

const TIMEOUT_MS = 300_000;
const TABLES = 300;
/** How often a question may look at each row of the catalog; one that looks for each type at all of them would be far above. */
const LOOKS_MAX = 20;
const TABLE = (n: number): string =>
  `CREATE TABLE t${n} (id int PRIMARY KEY, data jsonb, note text); CREATE VIEW v${n} AS SELECT id, data FROM t${n};`;
const MADE_OF_JSON = `CREATE DOMAIN checked AS jsonb; CREATE TYPE pair AS (a checked[], b int); CREATE TABLE pairs (many pair[]);
CREATE TYPE span AS RANGE (subtype = jsonb); CREATE TABLE spans (during span); CREATE TABLE plain (a text, b int[]);`;

let postgres: TargetPostgres;
let client: pg.Client;
beforeAll(async () => {
  postgres = await startTargetPostgres({
    setup: `${MADE_OF_JSON} ${Array.from({ length: TABLES }, (_, n) => TABLE(n)).join('')} ANALYZE;`,
  });
  client = await postgres.connect();
}, TIMEOUT_MS);
afterAll(async () => {
  await client?.end();
  await postgres?.stop();
}, TIMEOUT_MS);

type Plan = Readonly<Record<string, unknown>>;

/** The rows that a plan and all below it gave or threw away. */
function looksOf(plan: Plan): number {
  const thrown = Object.entries(plan).filter(([name]) => name.startsWith('Rows Removed'));
  const once = [plan['Actual Rows'], ...thrown.map(([, rows]) => rows)].reduce(
    (sum: number, rows) => sum + Number(rows),
    0,
  );
  const below = Array.isArray(plan['Plans']) ? plan['Plans'].map((one: Plan) => looksOf(one)) : [];
  return once * Number(plan['Actual Loops']) + below.reduce((sum, looks) => sum + looks, 0);
}

async function rowsOf(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await client.query({ text: sql, rowMode: 'array' })).rows;
}

test.each(CATALOG_QUERIES.filter(({ name }) => name !== 'pin'))(
  'what is asked of the catalog about $name costs no more than so many looks at each of its rows',
  async ({ sql }) => {
    const tables = ['pg_class', 'pg_attribute', 'pg_type', 'pg_proc', 'pg_depend', 'pg_constraint', 'pg_rewrite'];
    const counted = await rowsOf(`SELECT ${tables.map((name) => `(SELECT count(*) FROM ${name})`).join(' + ')}`);
    const explained = await rowsOf(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`);
    const [[plans = []] = []] = explained as readonly (readonly (readonly Plan[])[])[];
    const plan = plans[0]?.['Plan'] as Plan;
    expect(plan['Actual Loops']).toBeGreaterThan(0);
    expect(looksOf(plan)).toBeLessThan(LOOKS_MAX * Number(counted[0]?.[0]));
  },
  TIMEOUT_MS,
);

test(
  'the types that hold JSON are those that are made of one, by any way',
  async () => {
    const made =
      await rowsOf(`SELECT typbasetype::text, oid::text FROM pg_type UNION ALL SELECT typelem::text, oid::text FROM pg_type
      UNION ALL SELECT rngsubtype::text, rngtypid::text FROM pg_range
      UNION ALL SELECT atttypid::text, reltype::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND reltype <> 0`);
    const expected = new Set(['114', '3802']);
    for (let before = 0; before < expected.size; ) {
      before = expected.size;
      for (const [part, whole] of made) if (expected.has(String(part))) expected.add(String(whole));
    }
    const sql = CATALOG_QUERIES.find(({ name }) => name === 'documentTypes')?.sql ?? '';
    const given = (await rowsOf(sql)).map(([oid]) => String(oid));
    expect(new Set(given)).toEqual(expected);
    // Tables and views with their arrays, the domain, the pair and its table, the range and its table.
    expect(expected.size).toBeGreaterThan(TABLES * 4 + 8);
  },
  TIMEOUT_MS,
);
