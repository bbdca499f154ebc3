import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { openStage, type Stage } from './stage.ts';
import { LOGIN } from './stage-files.ts';

const TIMEOUT_MS = 300_000;
const DEMO = readFileSync(join(import.meta.dirname, '../sidecar/src/protocols/postgres/fixture/demo.sql'), 'utf8');
/** An agent that may define whatever it likes: then names mean what it says. */
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  masks:
    - {name: pii, columns: [public.customers.email, public.customers.card, public.customers.ssn], with: {type: Partial, keepLast: 4}}
`;
const SETUP = `DROP VIEW contacts; DROP TABLE orders, customers; ${DEMO} ALTER ROLE ${LOGIN} SUPERUSER;
ALTER TABLE customers ADD UNIQUE (card) DEFERRABLE INITIALLY DEFERRED;
CREATE SCHEMA other; CREATE TABLE other.customers (LIKE customers); CREATE TABLE other.parent (ssn text);
CREATE DOMAIN other.bpchar AS varchar(4); CREATE DOMAIN other.int4 AS text;
CREATE FUNCTION has(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.customers WHERE ssn = $1)';
CREATE OPERATOR ##= (LEFTARG = text, RIGHTARG = text, FUNCTION = has);`;
/** What the masked columns hold, and beginnings of it. */
const CLEAR = /078-|219-|ada@|bob@|411111|550000/;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': POLICY }, setup: SETUP });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

/** What the agent sees of one statement: rows, or all that an error says. */
async function see(agent: pg.Client, text: string): Promise<string> {
  const query = { text, rowMode: 'array' };
  return agent.query(query).then(
    ({ rows }) => JSON.stringify(rows),
    (error: unknown) => JSON.stringify(error, Object.getOwnPropertyNames(error)),
  );
}

/** The last of these statements, all in one session, which is rolled back where a transaction is left open. */
async function last(statements: readonly string[]): Promise<string> {
  const agent = await stage.connect();
  let seen = '';
  for (const text of statements) seen = await see(agent, text);
  await see(agent, 'ROLLBACK');
  await agent.end();
  return seen;
}

const WITH_ROWS = 'SELECT * FROM (SELECT array_agg(c) AS a FROM customers c) s, unnest(s.a) u';
const LEAK = `FUNCTION leak(text, text) RETURNS text LANGUAGE sql AS 'SELECT string_agg(ssn, $1) FROM public.customers'`;
const COPIED_CARD = `INSERT INTO customers (id, name, card) SELECT id + 100, 'x', card FROM customers`;

test.each<readonly string[]>([
  ['BEGIN', `DECLARE c CURSOR FOR ${WITH_ROWS}`, 'FETCH ALL FROM c'],
  ['BEGIN', COPIED_CARD, 'COMMIT'],
  ['BEGIN', COPIED_CARD, 'SET CONSTRAINTS ALL IMMEDIATE'],
  ['BEGIN', 'CREATE DOMAIN other.citext AS varchar(4)', 'SELECT ssn::other.citext FROM customers'],
  ['BEGIN', 'CREATE DOMAIN pg_temp.text AS varchar(4)', 'SELECT ssn::text FROM customers'],
  ['SET search_path = other, pg_catalog', 'SELECT ssn::bpchar FROM public.customers'],
  ['BEGIN', 'ALTER TABLE customers INHERIT other.parent', 'SELECT upper(ssn) FROM other.parent'],
  [
    'BEGIN',
    `CREATE ${LEAK}`,
    'CREATE OPERATOR ### (LEFTARG = text, RIGHTARG = text, FUNCTION = leak)',
    "SELECT 'a'::text ### 'b'::text",
  ],
])(
  'hides what %s; %s; %s gives',
  async (...statements) => {
    const seen = await last(statements);
    expect(seen).not.toMatch(CLEAR);
    expect(seen).not.toMatch(/\*{4}"/);
  },
  TIMEOUT_MS,
);

test.each<readonly string[]>([
  ["SELECT id FROM customers WHERE 'x' ##= ANY (SELECT 'a'::text)"],
  ["SELECT id FROM customers WHERE 'x' ##= ANY (ARRAY['a'::text])"],
  ["SELECT substring(ssn, '^078'::other.int4) IS NULL FROM customers"],
  [
    'BEGIN',
    'CREATE TYPE other.found AS (n bigint)',
    "CREATE FUNCTION other.find(text) RETURNS other.found LANGUAGE sql AS 'SELECT ROW(count(*))::other.found FROM public.customers WHERE ssn = $1'",
    'CREATE CAST (text AS other.found) WITH FUNCTION other.find(text)',
    "SELECT '1'::text::other.found",
  ],
])(
  'refuses what asks about a masked value: %s; %s',
  async (...statements) => {
    expect(await last(statements)).toMatch(/"detail":"Rule (?:masked-condition|incomplete): /);
  },
  TIMEOUT_MS,
);

test.each<readonly [string, readonly string[]]>([
  ['[["open","a"]]', ["SELECT o.status, u FROM orders o, unnest(ARRAY['a']) u WHERE status = 'open'"]],
  ['[[1,"*******1120"]]', ['SELECT id, ssn::text FROM customers WHERE id = 1']],
  ['[[1,"*******1120"]]', ['BEGIN', 'DECLARE c CURSOR FOR SELECT id, ssn FROM customers ORDER BY id', 'FETCH c']],
  ['[]', ['BEGIN', "INSERT INTO archive VALUES (1, 'a')", 'COMMIT']],
  ['[["a"]]', ['BEGIN', 'CREATE DOMAIN other.word AS text', "SELECT 'a'::other.word"]],
])(
  'leaves, with %s: %s',
  async (shown, statements) => {
    expect(await last(statements)).toBe(shown);
  },
  TIMEOUT_MS,
);
