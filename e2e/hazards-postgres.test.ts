import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  bind,
  close,
  describe as describeFrame,
  execute,
  flush,
  functionCall,
  parse,
  password,
  query,
  request,
  startup,
  sync,
} from '../sidecar/src/protocols/postgres/testing/frames.ts';
import { failureOf } from './client-error.ts';
import { openStage, type Stage } from './stage.ts';
import { tagsOf, textOf, WireAgent } from './wire-agent.ts';

const TIMEOUT_MS = 300_000;
const GSSENC_REQUEST = 80_877_104;
const SSL_REQUEST = 80_877_103;
const BINARY = { results: [1] };
const MIB = 1024 * 1024;
const SSN = '536-90-4399';

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: production-guardrails, namespace: data}
spec:
  rules:
    - name: no-ddl
      match: {postgres: {statements: [DROP, TRUNCATE, ALTER, CREATE]}}
      action: Deny
      reason: Schema changes go through migrations.
  masks:
    - name: customer-pii
      columns: [public.customers.email, '*.*.ssn', '*.*.pin']
      with: {type: Partial, keepLast: 4}
`;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({
    setup: `CREATE TABLE pins (id int PRIMARY KEY, pin int); INSERT INTO pins VALUES (1, 424242);
      CREATE TABLE marks (mark text); ALTER TABLE pins OWNER TO orders_app; ALTER TABLE marks OWNER TO orders_app; ANALYZE;`,
    files: { 'policy.yaml': POLICY },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

/** The marks that came to stand in the server's table, asked of the server itself. */
async function marks(): Promise<readonly unknown[]> {
  return (await stage.postgres.query('SELECT mark FROM marks ORDER BY mark')).map(({ mark }) => mark);
}

async function ranAtServer(part: string): Promise<boolean> {
  return (await stage.postgres.statements()).some(({ text }) => text.includes(part));
}

describe('before the session', () => {
  test(
    'GSSENCRequest is answered with N, and the session goes on in the same connection',
    async () => {
      using agent = new WireAgent(stage);
      agent.send(request(GSSENC_REQUEST));
      expect((await agent.raw(1)).toString()).toBe('N');
      agent.send(startup({ user: 'agent', database: stage.postgres.database }), password(await stage.token()));
      await agent.untilReady();
      agent.send(query('SELECT 1'));
      expect(tagsOf(await agent.untilReady())).toBe('TDCZ');
    },
    TIMEOUT_MS,
  );

  test(
    'plaintext sent behind the TLS request is never taken for a session (CVE-2021-23222 class)',
    async () => {
      using agent = new WireAgent(stage);
      const opening = [startup({ user: 'agent', database: stage.postgres.database }), password(await stage.token())];
      agent.send(request(SSL_REQUEST), ...opening, query("SELECT 'smuggled-1'"));
      expect((await agent.untilClosed()).toString('latin1')).not.toContain('smuggled-1');
      expect(await ranAtServer('smuggled-1')).toBe(false);
    },
    TIMEOUT_MS,
  );
});

describe('the extended protocol', () => {
  test(
    'Execute without Describe is masked, in text and in binary',
    async () => {
      using agent = await WireAgent.open(stage);
      for (const formats of [{}, BINARY]) {
        agent.send(parse('', 'SELECT ssn FROM customers ORDER BY id'), bind('', '', [], formats), execute(''), sync);
        const messages = await agent.untilReady();
        expect(tagsOf(messages)).toBe('12DDDCZ');
        expect(textOf(messages)).toContain('4399');
        expect(textOf(messages)).not.toContain(SSN);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'a masked int4 in binary keeps its width or is NULL; its neighbour passes',
    async () => {
      using agent = await WireAgent.open(stage);
      agent.send(parse('', 'SELECT pin, id FROM pins'), bind('', '', [], BINARY), execute(''), sync);
      const row = (await agent.untilReady()).find(({ tag }) => tag === 'D')?.body ?? Buffer.alloc(0);
      const width = row.readInt32BE(2);
      expect([4, -1]).toContain(width);
      const clear = Buffer.alloc(4);
      clear.writeInt32BE(424_242);
      expect(row.includes(clear)).toBe(false);
      expect(row.subarray(-8)).toEqual(Buffer.from([0, 0, 0, 4, 0, 0, 0, 1]));
    },
    TIMEOUT_MS,
  );

  test(
    'an error skips to Sync: nothing between runs, and the pipeline behind it does',
    async () => {
      using agent = await WireAgent.open(stage);
      const insert = (mark: string): Uint8Array[] => [
        parse('', `INSERT INTO marks VALUES ('${mark}')`),
        bind('', ''),
        execute(''),
      ];
      agent.send(parse('', 'DROP TABLE marks'), bind('', ''), execute(''), ...insert('skipped-gate'), sync);
      agent.send(parse('', 'SELECT 1/0'), bind('', ''), execute(''), ...insert('skipped-server'), sync);
      agent.send(...insert('pipeline-1'), ...insert('pipeline-2'), sync);
      expect(textOf(await agent.untilReady())).toContain('42501');
      expect(textOf(await agent.untilReady())).toContain('22012');
      expect(tagsOf(await agent.untilReady())).toBe('12C12CZ');
      expect(await marks()).toEqual(['pipeline-1', 'pipeline-2']);
    },
    TIMEOUT_MS,
  );

  test(
    'statement names: reused after Close they mean the new statement, in use they stay, DISCARD ALL ends them',
    async () => {
      using agent = await WireAgent.open(stage);
      const run = [bind('', 's'), execute(''), sync];
      agent.send(parse('s', 'SELECT name FROM customers WHERE id = 1'), ...run);
      expect(textOf(await agent.untilReady())).toContain('Ada Lovelace');
      agent.send(parse('s', 'SELECT ssn FROM customers WHERE id = 1'), sync);
      expect(textOf(await agent.untilReady())).toContain('42P05');
      agent.send(close('S', 's'), parse('s', 'SELECT ssn FROM customers WHERE id = 1'), ...run);
      const reused = textOf(await agent.untilReady());
      expect(reused).toContain('4399');
      expect(reused).not.toContain(SSN);
      agent.send(query('DISCARD ALL'));
      await agent.untilReady();
      agent.send(...run);
      expect(textOf(await agent.untilReady())).toContain('26000');
    },
    TIMEOUT_MS,
  );

  test(
    'Flush without Sync brings the answer',
    async () => {
      using agent = await WireAgent.open(stage);
      agent.send(parse('', 'SELECT 7'), describeFrame('S', ''), flush);
      expect((await agent.raw(1)).toString()).toBe('1');
      agent.send(sync);
    },
    TIMEOUT_MS,
  );

  test(
    'a function called by its number is refused, and the session goes on',
    async () => {
      using agent = await WireAgent.open(stage);
      agent.send(functionCall(1299));
      expect(textOf(await agent.untilReady())).toContain('42501');
      agent.send(query('SELECT 1'));
      expect(tagsOf(await agent.untilReady())).toBe('TDCZ');
    },
    TIMEOUT_MS,
  );
});

describe('transactions', () => {
  test(
    'a refusal inside a transaction leaves it open, and what was done in it is kept',
    async () => {
      using agent = await WireAgent.open(stage);
      const states: (string | undefined)[] = [];
      for (const text of ['BEGIN', "INSERT INTO marks VALUES ('txn')", 'DROP TABLE marks', 'COMMIT']) {
        agent.send(query(text));
        states.push((await agent.untilReady()).at(-1)?.body.toString());
      }
      expect(states).toEqual(['T', 'T', 'T', 'I']);
      expect(await marks()).toContain('txn');
    },
    TIMEOUT_MS,
  );
});

describe('size', () => {
  test.each([
    ['a comment of 9 MiB', 9, (filler: string) => `/* ${filler} */`],
    ['a literal of 65 MiB', 65, (filler: string) => `SELECT length('${filler}');`],
  ])(
    '%s hides nothing: what stands behind it is refused',
    async (_, mebibytes, before) => {
      const client = await stage.connect();
      const failure = await failureOf(client.query(`${before('x'.repeat(mebibytes * MIB))} DROP TABLE marks`));
      expect(failure?.code).toMatch(/^(42501|54000)$/);
      await client.query('SELECT 1');
      await client.end();
      await marks();
    },
    TIMEOUT_MS,
  );

  test(
    'a bind value of 65 MiB passes whole',
    async () => {
      const client = await stage.connect();
      const { rows } = await client.query('SELECT length($1::text) AS n', ['x'.repeat(65 * MIB)]);
      expect(rows).toEqual([{ n: 65 * MIB }]);
      await client.end();
    },
    TIMEOUT_MS,
  );
});

describe('the catalog', () => {
  test(
    'pg_stats does not tell a masked column, and tells another',
    async () => {
      const client = await stage.connect();
      const sql = "SELECT histogram_bounds::text AS b FROM pg_stats WHERE tablename = 'customers' AND attname = $1";
      expect(JSON.stringify((await client.query(sql, ['ssn'])).rows)).not.toContain(SSN);
      expect(await failureOf(client.query('SELECT ssn::int FROM customers'))).toMatchObject({ code: '42501' });
      const plan = await failureOf(client.query(`EXPLAIN SELECT id FROM customers WHERE ssn = '${SSN}'`));
      expect(plan).toMatchObject({ code: '42501' });
      await client.query("EXPLAIN SELECT id FROM customers WHERE name = 'Ada Lovelace'");
      await client.end();
    },
    TIMEOUT_MS,
  );
});
