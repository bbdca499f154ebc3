import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { clientError } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { decide, ending, policyFile, setOwner, waiting } from './owner.ts';

const LIMIT_MS = 180_000;
/** Nobody reads the same budget twice: each test has a limit of a name of its own, for what was spent is remembered by name. */
let limits = 0;

let stage: Stage;
const clients: pg.Client[] = [];

beforeAll(async () => {
  stage = await openStage({
    setup: 'CREATE TABLE numbers AS SELECT n FROM generate_series(1, 200000) AS n; GRANT SELECT ON numbers TO PUBLIC',
  });
  await setOwner(stage, 'dana', ['dba']);
}, LIMIT_MS);

afterAll(() => stage?.stop(), LIMIT_MS);

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => undefined);
});

async function limit(amounts: string, action = 'action: Deny'): Promise<string> {
  const name = `budget-${++limits}`;
  const rule = `{name: ${name}, ${amounts}, perSeconds: 86400, ${action}}`;
  expect(await stage.change({ 'policy.yaml': policyFile({ limits: [rule] }) })).toMatchObject({ kind: 'Applied' });
  return name;
}

async function connect(): Promise<pg.Client> {
  const client = await stage.connect();
  clients.push(client);
  return client;
}

/** Until the new gate listens, connections are refused by the system. */
async function connectAgain(): Promise<pg.Client> {
  for (let tried = 0; ; tried++) {
    try {
      return await connect();
    } catch (error) {
      if (Object(error).code !== 'ECONNREFUSED' || tried > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** How often the server was given a text. */
async function served(text: string): Promise<number> {
  return (await stage.postgres.statements()).filter((statement) => statement.text.includes(text)).length;
}

describe('a limit of rows', () => {
  test.each<[string, (client: pg.Client, sql: string) => Promise<pg.QueryResult>]>([
    ['simple', (client, sql) => client.query(sql)],
    ['extended', (client, sql) => client.query(`${sql} WHERE n > $1`, [0])],
    ['prepared', (client, sql) => client.query({ name: 'read', text: `${sql} WHERE n > $1`, values: [0] })],
  ])(
    'cuts the answer to a %s query, and the session goes on to be told no',
    async (_, read) => {
      const name = await limit('rows: 1000');
      const client = await connect();
      const failure = await read(client, 'SELECT n FROM numbers').then(() => undefined, clientError);
      expect(failure).toMatchObject({
        code: '53400',
        message: 'sidegate: refused: a limit is used up',
        detail: `Rule data/guard/${name}: The limit ${name} of 1000 rows in 86400 seconds is used up.`,
        hint: expect.stringMatching(/room again from \d{4}-.*Z/u),
      });
      const next = await client.query('SELECT 1 AS one').then(() => undefined, clientError);
      expect(next).toMatchObject({ code: '53400' });
      // Another session of the same agent has spent as much.
      expect(await ending((await connect()).query('SELECT 1'))).toMatch(/^53400/u);
    },
    LIMIT_MS,
  );

  test(
    'lets exactly as many pass as it says, over several sessions',
    async () => {
      await limit('rows: 1000');
      const one = await connect();
      const other = await connect();
      expect(await ending(one.query('SELECT n FROM numbers LIMIT 600'))).toBe('600 rows');
      expect(await ending(other.query('SELECT n FROM numbers LIMIT 400'))).toBe('400 rows');
      expect(await ending(one.query('SELECT n FROM numbers LIMIT 1'))).toMatch(/^53400/u);
    },
    LIMIT_MS,
  );

  test(
    'goes on counting in the gate that follows one that was killed',
    async () => {
      await limit('rows: 1000');
      expect(await ending((await connect()).query('SELECT n FROM numbers LIMIT 600'))).toBe('600 rows');
      const before = stage.processIds().gate;
      process.kill(before, 'SIGKILL');
      await stage.event(({ kind, program, pid }) => kind === 'Started' && program === 'gate' && pid !== before);
      const client = await connectAgain();
      expect(await ending(client.query('SELECT n FROM numbers LIMIT 300'))).toBe('300 rows');
      expect(await ending(client.query('SELECT n FROM numbers LIMIT 101'))).toMatch(/^53400/u);
    },
    LIMIT_MS,
  );

  test(
    'ends the session when what was cut may have changed something, and the record says all of it',
    async () => {
      const name = await limit('rows: 5');
      const client = await connect();
      expect(await ending(client.query("UPDATE orders SET status = 'seen' WHERE id > 0 RETURNING id"))).toMatch(
        /^53400/u,
      );
      await expect(client.query('SELECT 1')).rejects.toThrow();
      const found = (
        all: readonly Readonly<Record<string, unknown>>[],
      ): Readonly<Record<string, unknown>> | undefined =>
        all.find((session) => Number(session['closedUs']) > 0 && Number(session['rows']) === 5);
      const session = found(await stage.drained((all) => found(all) !== undefined));
      const commands = await stage.commands(session?.['sessionId']);
      expect(commands).toContainEqual(
        expect.objectContaining({
          outcome: 'Failed',
          errorCode: '53400',
          errorText: expect.stringContaining(name),
          rows: 5,
        }),
      );
    },
    LIMIT_MS,
  );

  testGiven(findProgram('psql'), 'psql is not installed')(
    'cuts COPY and SELECT in psql, which goes on',
    async () => {
      await limit('rows: 1000');
      const where = `host=${stage.host} port=${stage.port} user=agent dbname=${stage.postgres.database}`;
      const { stdout, stderr } = await runProcess(
        findProgram('psql') ?? '',
        ['-X', '-A', '-t', where, '-c', 'COPY numbers TO STDOUT', '-c', 'SELECT 1'],
        { env: { PGPASSWORD: await stage.token() } },
      );
      expect(stdout.split('\n').filter((line) => /^\d+$/u.test(line))).toHaveLength(1000);
      expect(stderr.match(/a limit is used up/gu)).toHaveLength(2);
    },
    LIMIT_MS,
  );

  test(
    'survives a reload of the policy',
    async () => {
      const name = await limit('rows: 1000');
      const client = await connect();
      expect(await ending(client.query('SELECT n FROM numbers LIMIT 1000'))).toBe('1000 rows');
      const again = `{name: ${name}, rows: 1000, perSeconds: 80000, action: Deny}`;
      await stage.change({ 'policy.yaml': policyFile({ limits: [again] }) });
      expect(await ending(client.query('SELECT 1'))).toMatch(/^53400/u);
      await stage.change({ 'policy.yaml': policyFile({ limits: [again.replace('1000', '1001')] }) });
      expect(await ending(client.query('SELECT 1'))).toBe('1 rows');
    },
    LIMIT_MS,
  );
});

test(
  'a limit of bytes cuts before the agent has more',
  async () => {
    await limit('bytes: 64Ki');
    const client = await connect();
    let rows = 0;
    const { stream } = Object(client).connection as { readonly stream: { readonly bytesRead: number } };
    const before = stream.bytesRead;
    const query = client.query('SELECT n FROM numbers');
    expect(await ending(query)).toMatch(/^53400: .*65536 bytes/u);
    rows = stream.bytesRead - before;
    expect(rows).toBeGreaterThan(60_000);
    // All of the 64 KiB, and the messages around them.
    expect(rows).toBeLessThan(65_536 + 2_000);
  },
  LIMIT_MS,
);

test(
  'a limit of commands refuses the one too many before the server sees it',
  async () => {
    await limit('commands: 3');
    const client = await connect();
    for (const n of [1, 2, 3]) expect(await ending(client.query(`SELECT ${n} AS counted`))).toBe('1 rows');
    expect(await ending(client.query('SELECT 4 AS uncounted'))).toMatch(/^53400: .*3 commands/u);
    expect(await served('AS counted')).toBe(3);
    expect(await served('AS uncounted')).toBe(0);
  },
  LIMIT_MS,
);

test(
  'a limit that asks holds the next command, and an approval renews it',
  async () => {
    const name = await limit('rows: 10', 'action: RequireApproval, approval: {approvers: {groups: [dba]}}');
    const client = await connect();
    expect(await ending(client.query('SELECT n FROM numbers LIMIT 10'))).toBe('10 rows');
    const asked = ending(client.query('SELECT n FROM numbers LIMIT 9'));
    const { id, rule } = await waiting(stage);
    expect(rule).toBe(`data/guard/${name}`);
    expect(await decide(stage, 'Approve', id, 'a little more')).toBe('Approved');
    expect(await asked).toBe('9 rows');
    const more = ending(client.query('SELECT n FROM numbers LIMIT 2'));
    expect(await more).toMatch(/^53400/u);
    const last = ending(client.query('SELECT 1'));
    expect(await decide(stage, 'Refuse', (await waiting(stage)).id, 'enough')).toBe('Refused');
    expect(await last).toMatch(/^42501: .*enough/u);
  },
  LIMIT_MS,
);
