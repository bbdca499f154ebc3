import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import postgres from 'postgres';
import { writeTranscript } from '../../sidecar/src/protocols/transcript.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { findProgram } from '../support/programs.ts';
import { EXHIBIT, openRecordedGate } from './recorded-gate.ts';

/** Makes the recordings of PostgreSQL anew with real clients and a real server: `node e2e/recordings/record.ts`. Read the difference before you keep it. */
const DEMO = '../../sidecar/src/protocols/postgres/fixture/demo.sql';
const PASSWORD = 'hunter2';

/** Swallows the refusals and errors that a conversation is about. */
const expected = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);

const CONVERSATIONS: Readonly<
  Record<string, { readonly story: string; readonly talk: (port: number) => Promise<void> }>
> = {
  'node-postgres': {
    story:
      'node-postgres: a simple query, parameters, a statement prepared and run twice, an error, a refusal in a transaction.',
    async talk(port) {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'me', database: 'demo', ssl: false });
      await client.connect();
      await client.query('SELECT id, email, ssn FROM customers ORDER BY id');
      await client.query('SELECT ssn AS s, $2::text AS t FROM customers WHERE email = $1', ['ada@example.com', null]);
      for (const id of [1, 2]) {
        await client.query({ name: 'one', text: 'SELECT name, card FROM customers WHERE id = $1', values: [id] });
      }
      await client.query('BEGIN');
      await expected(client.query('DROP TABLE orders'));
      await client.query('DELETE FROM orders WHERE id = 3');
      await expected(client.query('SELECT 1/0'));
      await client.query('ROLLBACK');
      await client.end();
    },
  },
  'postgres-js': {
    story:
      'postgres.js: a pipeline of prepared statements, one refused, one that fails, and a cursor in a transaction.',
    async talk(port) {
      const sql = postgres({
        host: '127.0.0.1',
        port,
        user: 'me',
        database: 'demo',
        ssl: false,
        max: 1,
        fetch_types: false,
      });
      await Promise.all([
        sql`SELECT city, ssn FROM customers WHERE id = ${1}`,
        expected(sql`DROP TABLE orders`),
        expected(sql`SELECT note::int FROM orders`),
        sql`SELECT count(*) FROM customers`,
      ]);
      await sql.begin(async (tx) => {
        await tx`SELECT id, email FROM customers ORDER BY id`.cursor(1, () => undefined);
      });
      await sql.end();
    },
  },
  psql: {
    story: 'psql: several statements in one text, a refusal, COPY in both directions.',
    async talk(port) {
      const program = findProgram('psql');
      if (program === undefined) throw new Error('psql is not installed');
      const script = [
        'SELECT 1 \\; SELECT ssn FROM customers;',
        'DROP TABLE orders;',
        'COPY customers (id, email, ssn) TO STDOUT;',
        'CREATE TEMP TABLE mine (a int, b text);',
        'COPY mine FROM STDIN WITH (FORMAT csv);\n1,x\n2,4111111111111111\n\\.',
        'SELECT * FROM mine;',
      ].join('\n');
      const url = `postgresql://me@127.0.0.1:${port}/demo?sslmode=disable&gssencmode=disable`;
      const child = spawn(program, ['-X', '-q', '-f', '-', url], { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(script);
      await new Promise<void>((resolve) => void child.on('exit', () => resolve()));
    },
  },
};

/** The tables must have the numbers that the exhibit's catalog gives them: numbers are used up until it is their turn. */
const FIRST_TABLE_OID = 16_389;
const setup = `CREATE ROLE gate SUPERUSER LOGIN PASSWORD '${PASSWORD}';
DO $$ DECLARE number oid; BEGIN
  LOOP number := lo_create(0); PERFORM lo_unlink(number); EXIT WHEN number >= ${FIRST_TABLE_OID - 1}; END LOOP;
END $$;
${readFileSync(new URL(DEMO, import.meta.url), 'utf8')}`;
for (const [name, { story, talk }] of Object.entries(CONVERSATIONS)) {
  await using server = await startPostgres({ database: 'demo', setup });
  const [first] = await server.query("SELECT 'customers'::regclass::oid::int AS oid");
  if (first?.['oid'] !== FIRST_TABLE_OID) throw new Error(`customers has the number ${String(first?.['oid'])}`);
  await using gate = await openRecordedGate(server, PASSWORD);
  await talk(gate.port);
  const text = writeTranscript(`${story}\nServer: PostgreSQL ${server.version}.`, await gate.conversation());
  writeFileSync(new URL(`${name}.txt`, EXHIBIT.recordings), text);
  process.stdout.write(`ok  ${name}\n`);
}
