import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { bind, close, execute, parse, query, sync } from '../sidecar/src/protocols/postgres/testing/frames.ts';
import { openStage, type Stage } from './stage.ts';
import { LOGIN } from './stage-files.ts';
import { untilFound } from './support/until-found.ts';
import { WireAgent } from './wire-agent.ts';

const TIMEOUT_MS = 300_000;
const DEMO = readFileSync(join(import.meta.dirname, '../sidecar/src/protocols/postgres/fixture/demo.sql'), 'utf8');
/** An agent that may define whatever it likes: then names mean what it says. */
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  masks:
    - {name: pii, columns: [public.customers.email, public.customers.card, public.customers.ssn, other.numbered.number], with: {type: Partial, keepLast: 4}}
`;
const SETUP = `DROP VIEW contacts; DROP TABLE orders, customers; ${DEMO} ALTER ROLE ${LOGIN} SUPERUSER;
ALTER TABLE customers ADD UNIQUE (card) DEFERRABLE INITIALLY DEFERRED;
CREATE SCHEMA other; CREATE TABLE other.customers (LIKE customers); CREATE TABLE other.parent (ssn text);
CREATE DOMAIN other.number AS text; CREATE TABLE other.numbered (number other.number);
CREATE DOMAIN other.bpchar AS varchar(4); CREATE DOMAIN other.int4 AS text;
CREATE VIEW held AS SELECT upper(ssn) AS x FROM customers; CREATE MATERIALIZED VIEW holding AS SELECT x FROM held;
CREATE VIEW beside AS SELECT name AS x FROM customers; CREATE VIEW passed AS SELECT id, name AS x FROM customers;
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
  const asked = { text, rowMode: 'array' };
  return agent.query(asked).then(
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
  [
    'SET search_path = public, pg_temp',
    'BEGIN',
    'CREATE TEMP TABLE customers (LIKE other.customers)',
    'SELECT upper(ssn) FROM customers',
  ],
  [
    'SET search_path = pg_temp, public',
    'CREATE TABLE customers (ssn text)',
    'INSERT INTO customers (ssn) SELECT ssn FROM public.customers',
    'SELECT upper(ssn) FROM pg_temp.customers',
  ],
  [
    'CREATE TEMP TABLE c (ssn text)',
    'ALTER TABLE c RENAME TO customers',
    'INSERT INTO customers (ssn) SELECT ssn FROM public.customers',
    'SELECT upper(ssn) FROM pg_temp.customers',
  ],
  [
    'CREATE VIEW other.v AS SELECT upper(ssn) AS x FROM customers',
    'CREATE MATERIALIZED VIEW other.m AS SELECT x FROM other.v',
    "CREATE OR REPLACE VIEW other.v AS SELECT 'a'::text AS x FROM customers",
    'SELECT x FROM other.m',
  ],
  ["CREATE OR REPLACE VIEW held AS SELECT 'a'::text AS x FROM customers", 'SELECT x FROM holding'],
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
  ['CREATE DOMAIN other.guess AS text CHECK (customer_email(1) = VALUE)'],
  ["ALTER DOMAIN other.number ADD CHECK (VALUE NOT LIKE '078%')"],
  ['ALTER TABLE customers ALTER COLUMN ssn TYPE varchar(11)'],
  ['ALTER TABLE customers ADD FOREIGN KEY (ssn) REFERENCES archive (label) NOT VALID'],
  ['CREATE UNIQUE INDEX ON customers (ssn)'],
  ['CREATE POLICY own ON customers USING (ssn IN (SELECT label FROM archive))'],
  ['PREPARE p AS UPDATE customers SET ssn = $1 WHERE id = 1', "EXPLAIN (ANALYZE, WAL) EXECUTE p('078-05-1120')"],
  [
    "CREATE FUNCTION checks(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    'CREATE DOMAIN other.guess AS text CHECK (checks(VALUE))',
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
  ['[[1]]', ['CREATE TEMP TABLE own AS SELECT 1 AS a', 'SELECT a FROM own']],
  ['[[1]]', ['CREATE TEMP TABLE own AS SELECT 1 AS a', 'ALTER TABLE own RENAME TO own_too', 'SELECT a FROM own_too']],
  ['[[1]]', ['CREATE TEMP TABLE orders AS SELECT 1 AS a', 'SELECT a FROM pg_temp.orders']],
  [
    '[["*******1120"]]',
    [
      'BEGIN',
      'CREATE MATERIALIZED VIEW other.copied AS SELECT id, ssn FROM customers',
      'COMMIT',
      'SELECT ssn FROM other.copied WHERE id = 1',
    ],
  ],
  ['[]', ['CREATE OR REPLACE VIEW held AS SELECT upper(ssn) AS x, 1 AS one FROM customers']],
  ['[]', ['BEGIN', 'CREATE TABLE other.made (a int DEFAULT 1 CHECK (a > 0), b timestamptz DEFAULT now())']],
  ['[]', ['BEGIN', "CREATE OR REPLACE FUNCTION other.quite_new() RETURNS int LANGUAGE sql AS 'SELECT 1'"]],
])(
  'leaves, with %s: %s',
  async (shown, statements) => {
    expect(await last(statements)).toBe(shown);
  },
  TIMEOUT_MS,
);

/** What the server's side says, in clear text, when these frames are sent one cycle after the other. */
async function say(...cycles: readonly (readonly Uint8Array[])[]): Promise<string> {
  using agent = await WireAgent.open(stage);
  let seen = '';
  for (const frames of cycles) {
    agent.send(...frames);
    const messages = await agent.untilReady();
    seen = messages.map(({ tag, body }) => `${tag} ${body.toString('latin1')}`).join('\n');
  }
  return seen;
}

const OTHERS = 'SET search_path = other, public';
const SSNS = 'SELECT upper(ssn) FROM customers';
const NAMES_CURSOR = 'DECLARE c CURSOR FOR SELECT upper(name) FROM customers';
const bound = (portal: string, text: string): readonly Uint8Array[] => [parse(portal, text), bind(portal, portal)];
const run = (portal: string): readonly Uint8Array[] => [execute(portal)];

test.each<readonly [string, readonly (readonly Uint8Array[])[]]>([
  [
    'a portal that was planned under another search path, also in a later cycle',
    [[query('BEGIN')], [...bound('p', 'SELECT upper(ssn) FROM customers'), sync], [query(OTHERS)], [...run('p'), sync]],
  ],
  [
    'a portal that was begun under another search path',
    [
      [query('BEGIN')],
      [...bound('p', 'SELECT upper(ssn) FROM customers ORDER BY id'), execute('p', 1), sync],
      [query(OTHERS)],
      [...run('p'), sync],
    ],
  ],
  [
    'a query in the cycle that sets the search path',
    [
      [query(OTHERS)],
      [
        ...bound('s', 'SET search_path = public'),
        ...run('s'),
        ...bound('p', 'SELECT upper(ssn) FROM customers'),
        ...run('p'),
        sync,
      ],
    ],
  ],
  [
    'a query in the cycle that ends what SET LOCAL set',
    [
      [query('BEGIN')],
      [query('SET LOCAL search_path = other')],
      [...bound('s', 'COMMIT'), ...run('s'), ...bound('p', 'SELECT upper(ssn) FROM customers'), ...run('p'), sync],
    ],
  ],
  [
    'a query behind the COMMIT of its text that ends what SET LOCAL set',
    [[query('BEGIN')], [query('SET LOCAL search_path = other')], [query('COMMIT; SELECT upper(ssn) FROM customers')]],
  ],
  [
    'a portal with the name of a cursor that the protocol closed',
    [
      [query('BEGIN')],
      [query(NAMES_CURSOR)],
      [close('P', 'c'), ...bound('c', SSNS), sync],
      [query('FETCH ALL FROM c')],
    ],
  ],
  [
    'a portal with the name of a cursor that was rolled back',
    [
      [query('BEGIN')],
      [query('SAVEPOINT s')],
      [query(NAMES_CURSOR)],
      [query('ROLLBACK TO s')],
      [...bound('c', SSNS), sync],
      [query('FETCH ALL FROM c')],
    ],
  ],
  [
    'a cursor with the name of a portal that was rolled back',
    [
      [query('BEGIN')],
      [query('SAVEPOINT s')],
      [...bound('c', 'SELECT upper(name) FROM customers'), sync],
      [query('ROLLBACK TO s')],
      [query(`DECLARE c CURSOR FOR ${SSNS}`)],
      [...run('c'), sync],
    ],
  ],
  [
    'a COPY that looks names up when it runs',
    [
      [query(OTHERS)],
      [
        ...bound('c', 'COPY (SELECT upper(ssn) FROM customers) TO STDOUT'),
        ...bound('s', 'SET search_path = public'),
        ...run('s'),
        ...run('c'),
        sync,
      ],
    ],
  ],
  [
    'a COPY in an encoding in which other characters hold what looks like a delimiter',
    [
      [
        query(
          "COPY (SELECT U&'\\4E57', upper(ssn), U&'\\4E85' FROM customers) TO STDOUT (ENCODING 'GBK', DELIMITER '|')",
        ),
      ],
    ],
  ],
])(
  'hides what %s gives',
  async (_, cycles) => {
    expect(await say(...cycles)).not.toMatch(CLEAR);
  },
  TIMEOUT_MS,
);

test(
  'a portal goes on as long as its names mean the same',
  async () => {
    const seen = await say(
      [query('BEGIN')],
      [...bound('p', 'SELECT id, ssn FROM customers ORDER BY id'), execute('p', 1), sync],
      [query('CREATE TEMP TABLE aside (a int)')],
      [...bound('s', 'SET LOCAL work_mem = 1024'), ...run('s'), ...run('p'), sync],
    );
    expect(seen).toContain('*******9999');
  },
  TIMEOUT_MS,
);

test(
  'a COPY in UTF-8 or LATIN1 gives its rows',
  async () => {
    for (const encoding of ['UTF8', 'latin1'])
      expect(await say([query(`COPY (SELECT id, ssn FROM customers) TO STDOUT (ENCODING '${encoding}')`)])).toContain(
        '*1120',
      );
  },
  TIMEOUT_MS,
);

test(
  'what one session defines the others read as it is from then on',
  async () => {
    const [one, other] = [await stage.connect(), await stage.connect()];
    await one.query('CREATE VIEW shown AS SELECT id, name AS x FROM customers');
    await other.query('SELECT lower(x) FROM shown');
    await one.query('DROP VIEW shown');
    await one.query('CREATE VIEW shown AS SELECT id, upper(ssn) AS x FROM customers');
    for (const text of ['SELECT lower(x) FROM shown', 'SELECT x FROM shown']) {
      expect(await see(other, text)).toBe('[["[masked]"],["[masked]"]]');
    }
    await one.query('CREATE OR REPLACE VIEW shown AS SELECT id, upper(ssn) AS x, 1 AS one FROM customers');
    expect(await see(other, 'SELECT one FROM shown')).toBe('[[1],[1]]');
    await Promise.all([one.end(), other.end()]);
  },
  TIMEOUT_MS,
);

test.each([
  ['ROLLBACK', /"ada lovelace"/],
  [undefined, /"ada lovelace"/],
  ['COMMIT', /^\[\["\[masked\]"\],/],
])(
  'what another session is defining is not read as it was: its transaction ends with %s',
  async (end, shown) => {
    const [one, other] = [await stage.connect(), await stage.connect()];
    expect(await see(other, 'SELECT lower(x) FROM held')).toBe('[["[masked]"],["[masked]"]]');
    for (const text of [
      'BEGIN',
      'DROP VIEW IF EXISTS beside',
      'CREATE VIEW beside AS SELECT upper(ssn) AS x FROM customers',
    ])
      await one.query(text);
    expect(await see(other, 'SELECT lower(x) FROM beside')).toMatch(/StaleCatalog/);
    expect(await see(other, 'SELECT lower(x) FROM held')).toBe('[["[masked]"],["[masked]"]]');
    if (end === undefined) await one.end();
    else await one.query(end);
    // Whether the gate has heard of the end of a session that left is asked until it has.
    const deadline = Date.now() + 60_000;
    let seen = '';
    do seen = await see(other, 'SELECT lower(x) FROM beside');
    while (seen.includes('StaleCatalog') && Date.now() < deadline);
    expect(seen).toMatch(shown);
    await Promise.all([end === undefined ? undefined : one.end(), other.end()]);
  },
  TIMEOUT_MS,
);

test(
  'what was defined while a text ran is not shown as what its later statements meant before',
  async () => {
    const [one, other] = [await stage.connect(), await stage.connect()];
    await one.query('CREATE VIEW later AS SELECT name AS x FROM customers');
    await one.query('SELECT pg_advisory_lock(7)');
    const answers = other.query('SELECT pg_advisory_lock(7); SELECT lower(x) FROM later; SELECT x FROM later');
    await untilFound('nobody waits for the lock', async () =>
      (await stage.postgres.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).at(0),
    );
    await one.query('CREATE OR REPLACE VIEW later AS SELECT ssn AS x FROM customers');
    await one.query('SELECT pg_advisory_unlock(7)');
    const seen: unknown = await answers;
    const rows = Array.isArray(seen) ? seen.slice(1).map((each: pg.QueryResult) => each.rows) : [];
    expect(rows).toEqual([
      [{ lower: null }, { lower: null }],
      [{ x: null }, { x: null }],
    ]);
    expect(await see(other, 'SELECT x FROM later WHERE x IS NULL')).toMatch(/masked-condition/);
    await Promise.all([one.end(), other.end()]);
  },
  TIMEOUT_MS,
);

test(
  'what somebody defined past the gate is read with what any session defines',
  async () => {
    const [one, other] = [await stage.connect(), await stage.connect()];
    expect(await see(other, 'SELECT x FROM passed WHERE id = 1')).toBe('[["Ada Lovelace"]]');
    await stage.postgres.query('CREATE OR REPLACE VIEW passed AS SELECT id, ssn AS x FROM customers');
    await one.query('CREATE TABLE quite_new (a int)');
    expect(await see(other, 'SELECT x FROM passed WHERE id = 1')).toBe('[["*******1120"]]');
    await Promise.all([one.end(), other.end()]);
  },
  TIMEOUT_MS,
);
