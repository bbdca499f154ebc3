import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bind, parse, query, sync } from '../sidecar/src/protocols/postgres/testing/frames.ts';
import { openStage, type Stage } from './stage.ts';
import { LOGIN } from './stage-files.ts';
import { WireAgent } from './wire-agent.ts';

const TIMEOUT_MS = 300_000;
const DEMO = readFileSync(join(import.meta.dirname, '../sidecar/src/protocols/postgres/fixture/demo.sql'), 'utf8');
/** An agent that may define whatever it likes, and a server account that may do everything. */
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  masks:
    - {name: pii, columns: [public.customers.email, public.customers.card, public.customers.ssn, public.keyed.ssn, public.owned_by.ssn, public.made_of.ssn], with: {type: Partial, keepLast: 4}}
`;
const SETUP = `DROP VIEW contacts; DROP TABLE orders, customers; ${DEMO} ALTER ROLE ${LOGIN} SUPERUSER;
ALTER TABLE customers ADD searched tsvector; CREATE TABLE keyed (ssn text PRIMARY KEY); CREATE TABLE pets (id int PRIMARY KEY);
CREATE FUNCTION told(a text DEFAULT customer_email(1)) RETURNS text LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION asked(a text DEFAULT customer_email(1)) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM archive WHERE label = a';
CREATE FUNCTION plus(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION shout(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', (SELECT ssn FROM customers LIMIT 1); RETURN true; END $$;
CREATE TABLE loud (a text CHECK (shout(a)));
CREATE FUNCTION fails(text) RETURNS boolean LANGUAGE sql AS 'SELECT (SELECT ssn FROM customers LIMIT 1)::int > 0';
CREATE TABLE failing (a text CHECK (fails(a)));
CREATE FUNCTION shout_all() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM shout('a'); END $$;
CREATE EVENT TRIGGER shouts ON ddl_command_end WHEN TAG IN ('CREATE SEQUENCE') EXECUTE FUNCTION shout_all();
CREATE TABLE owner (id int PRIMARY KEY); CREATE TABLE owned_by (owner int NOT NULL REFERENCES owner ON DELETE SET NULL, ssn text);
INSERT INTO owner VALUES (1); INSERT INTO owned_by VALUES (1, '078-05-1120');
CREATE TABLE made_of (id int, ssn text, backwards text GENERATED ALWAYS AS (reverse(ssn)) STORED, plain text GENERATED ALWAYS AS (id::text) STORED);
CREATE MATERIALIZED VIEW twice AS SELECT ssn FROM customers UNION ALL SELECT ssn FROM customers WITH NO DATA; CREATE UNIQUE INDEX ON twice (ssn);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TYPE worth AS ENUM ('much'); CREATE FUNCTION worded(worth) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'; CREATE FUNCTION worded_long(worth) RETURNS varchar LANGUAGE sql AS 'SELECT NULL::varchar';`;
const CLEAR = /078-|219-|ada@|bob@|411111|550000|root:/;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': POLICY }, setup: SETUP });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

/** What the agent sees of the last of these statements, all in one session: rows, or all that an error says. */
async function last(statements: readonly string[]): Promise<string> {
  const agent = await stage.connect();
  let seen = '';
  for (const text of statements) {
    seen = await agent.query({ text, rowMode: 'array' }).then(
      ({ rows }) => JSON.stringify(rows),
      (error: unknown) => JSON.stringify(error, Object.getOwnPropertyNames(error)),
    );
  }
  await agent.end();
  return seen;
}

const LEAK = `FUNCTION told_by(mood) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM public.customers LIMIT 1'`;

const REFUSED: readonly (readonly string[])[] = [
  [
    "CREATE AGGREGATE contents(boolean) (SFUNC = pg_read_file, STYPE = text, INITCOND = '/etc/passwd')",
    'SELECT contents(false)',
  ],
  [
    "CREATE AGGREGATE run(boolean, boolean, text ORDER BY text) (SFUNC = textcat, STYPE = text, FINALFUNC = query_to_xml, INITCOND = '')",
    "SELECT run(true, true, '') WITHIN GROUP (ORDER BY 'SELECT ssn FROM customers')",
  ],
  [
    "CREATE FUNCTION contents(a text DEFAULT pg_read_file('/etc/passwd')) RETURNS text LANGUAGE sql AS 'SELECT a'",
    'SELECT contents()',
  ],
  [
    "CREATE TRIGGER searches BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(searched, 'pg_catalog.simple', ssn)",
  ],
  [
    "CREATE TYPE mood AS ENUM ('fine')",
    `CREATE ${LEAK}`,
    'CREATE CAST (mood AS text) WITH FUNCTION told_by(mood) AS IMPLICIT',
  ],
  ['CREATE CAST (mood AS text) WITH FUNCTION told_by(mood) AS ASSIGNMENT'],
  ['CREATE OPERATOR CLASS moods DEFAULT FOR TYPE mood USING btree AS FUNCTION 1 compare(mood, mood)'],
  ['CREATE TYPE span AS RANGE (SUBTYPE = mood, SUBTYPE_DIFF = apart)'],
  ['CREATE TYPE made (INPUT = made_in, OUTPUT = made_out)'],
  ['SELECT asked()'],
  ['ALTER FUNCTION plus(int, int) SET search_path = other'],
  ['BEGIN', 'ALTER FUNCTION plus(int, int) COST 2', 'SELECT plus(3)'],
  [`ALTER ROLE ${LOGIN} SET session_replication_role = replica`],
  [`ALTER ROLE ALL SET search_path = other`],
  ["ALTER DATABASE orders SET session_preload_libraries = 'x'"],
  ['ALTER TABLE made_of ALTER backwards DROP EXPRESSION'],
  ['CREATE TABLE probe (ssn text REFERENCES keyed)'],
];

test.each(REFUSED.map((statements) => [statements] as const))(
  'refuses %j',
  async (statements) => {
    expect(await last(statements)).toMatch(/"detail":"Rule (?:masked-condition|incomplete): /);
  },
  TIMEOUT_MS,
);

test.each<readonly [string, readonly string[]]>([
  ['[["[masked]"]]', ['SELECT told()']],
  ['[[5]]', ['SELECT plus(3)']],
  ['[[5]]', ['SELECT plus(3, 2)']],
  ['[[3]]', ['SELECT total(id) FROM customers WHERE id < 3']],
  ['[["fine"]]', ['CREATE CAST (mood AS text) WITH INOUT', "SELECT 'fine'::mood::text"]],
  ['[]', ['CREATE TYPE spans AS RANGE (SUBTYPE = int)']],
  ['[]', ['CREATE TYPE named']],
  ['[[5]]', ['ALTER FUNCTION plus(int, int) COST 2', 'SELECT plus(3)']],
  ['[]', [`ALTER ROLE ${LOGIN} SET statement_timeout = '10min'`]],
  ['[]', ['ALTER TABLE made_of ALTER plain DROP EXPRESSION']],
  ['[]', ['CREATE TABLE with_pet (pet int REFERENCES pets)']],
])(
  'leaves, with %s: %j',
  async (shown, statements) => {
    const seen = await last(statements);
    expect(seen).not.toMatch(CLEAR);
    expect(seen).toBe(shown);
  },
  TIMEOUT_MS,
);

test.each([
  "INSERT INTO loud VALUES ('a')",
  "INSERT INTO failing VALUES ('a')",
  'CREATE SEQUENCE numbers',
  'REFRESH MATERIALIZED VIEW twice',
  // What a foreign key changes fails with the row that it cannot change.
  'DELETE FROM owner WHERE id = 1',
])(
  'messages of what no statement names show no value: %s',
  async (text) => {
    using agent = await WireAgent.open(stage);
    agent.send(query(text));
    const said = (await agent.untilReady()).filter(({ tag }) => tag === 'E' || tag === 'N');
    const shown = said.map(({ body }) => body.toString('latin1')).join('\n');
    expect(shown).toMatch(/masked/);
    expect(shown).not.toMatch(CLEAR);
  },
  TIMEOUT_MS,
);

test(
  "where in the agent's own input something was found is shown",
  async () => {
    expect(await last(["INSERT INTO pets VALUES ('x')"])).toMatch(/invalid input syntax for type integer: \\"x\\"/);
    using agent = await WireAgent.open(stage);
    agent.send(parse('', 'INSERT INTO pets VALUES ($1)'), bind('', '', ['x']), sync);
    const shown = (await agent.untilReady()).map(({ body }) => body.toString('latin1')).join('\n');
    expect(shown).toMatch(/invalid input syntax for type integer: "x"/);
  },
  TIMEOUT_MS,
);

test.each([
  ['a trigger', 'CREATE TRIGGER calls BEFORE INSERT ON pets FOR EACH ROW EXECUTE FUNCTION noted()'],
  ['an implicit cast', 'CREATE CAST (worth AS text) WITH FUNCTION worded(worth) AS IMPLICIT'],
  ['a cast of assignments', 'CREATE CAST (worth AS varchar) WITH FUNCTION worded_long(worth) AS ASSIGNMENT'],
])(
  '%s is refused with its kind and the field that allows it, and passes once an owner of the target has named it there',
  async (_what, definition) => {
    const refused = await last([definition]);
    expect(refused).toContain('42501');
    expect(refused).toContain('(FunctionBody)');
    expect(refused).toContain('allowIncomplete');
    await stage.change({ 'policy.yaml': `${POLICY}  allowIncomplete: [FunctionBody]\n` });
    expect(await last([definition])).toBe('[]');
    await stage.change({ 'policy.yaml': POLICY });
  },
  TIMEOUT_MS,
);
