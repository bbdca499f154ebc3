import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { type ClientError, clientError } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';
import { startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';

const LIMIT_MS = 180_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, LIMIT_MS);

afterAll(() => stage?.stop(), LIMIT_MS);

/** A query that is longer than any test, and how it ends. The server works on it when this resolves. */
async function startSleeping(client: pg.Client): Promise<{ readonly ended: Promise<ClientError | undefined> }> {
  const ended = client.query('SELECT pg_sleep(600)').then(() => undefined, clientError);
  await isWorking();
  return { ended };
}

/** How many connections of the gate the server works for. */
async function sleepers(): Promise<number> {
  const [row] = await stage.postgres.query(
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
  );
  return Number(row?.['count']);
}

const isWorking = (): Promise<true> =>
  untilFound('the server works for nobody', async () => (await sleepers()) > 0 || undefined);
const isIdle = (): Promise<true> =>
  untilFound('the server still works', async () => (await sleepers()) === 0 || undefined);

/** The session that was opened last. */
async function newestSession(): Promise<string> {
  const open = (all: readonly Readonly<Record<string, unknown>>[]) =>
    all.find(({ closedUs }) => Number(closedUs) === 0);
  const session = open(await stage.drained((all) => open(all) !== undefined));
  return String(session?.['sessionId']);
}

/** The end that the record has of a session. */
async function closing(sessionId: string): Promise<unknown> {
  await stage.drained((all) => all.some((one) => one['sessionId'] === sessionId && Number(one['closedUs']) > 0));
  const session = (await stage.sessions()).find((one) => one['sessionId'] === sessionId);
  return [session?.['closeCode'], session?.['closeReason']];
}

test(
  'a killed session is told 57P01 and why, what it runs is cancelled at the server, and others go on',
  async () => {
    const client = await stage.connect();
    const other = await stage.connect();
    await other.query('SELECT 1');
    const { ended } = await startSleeping(client);
    const subject = await stage.connect({ token: await stage.token({ subject: 'another-bot' }) });
    const sessions = await stage.drained((all) => all.length >= 3);
    const busy = sessions.findLast((one) => Number(one['closedUs']) === 0)?.['sessionId'];
    const killed = await stage.cli('kill', String(busy), '--reason', 'it reads too much');
    expect(killed).toMatchObject({ code: 0, objects: [{ kind: 'Killed', sessions: [busy] }] });
    expect(await ended).toMatchObject({
      code: '57P01',
      message: 'sidegate: the session was ended by the gate',
      detail: expect.stringMatching(/ended this session: it reads too much$/u),
    });
    await isIdle();
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(await closing(String(busy))).toEqual(['Killed', expect.stringContaining('it reads too much')]);
    expect(await stage.cli('kill', String(busy))).toMatchObject({ code: 1, objects: [{ code: 'NoSession' }] });
    // By subject: only that one's.
    expect(await stage.cli('kill', '--subject', 'another-bot')).toMatchObject({ code: 0 });
    await expect(subject.query('SELECT 1')).rejects.toThrow();
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    // By AgentAccess: whoever is left.
    expect(await stage.cli('kill', '--agent', 'agents/support-bot')).toMatchObject({ code: 0 });
    await expect(other.query('SELECT 1')).rejects.toThrow();
  },
  LIMIT_MS,
);

test(
  'a client that does not read is ended all the same, and so is what the server does for it',
  async () => {
    const client = await stage.connect();
    const { stream } = Object(client).connection as { readonly stream: { pause(): void; resume(): void } };
    const ended = client
      .query("SELECT repeat('x', 1000) AS stalled FROM generate_series(1, 10000000)")
      .then(() => undefined, clientError);
    stream.pause();
    const stalled = async (more: string): Promise<number> => {
      const like = `query LIKE '%AS stalled%' AND pid <> pg_backend_pid() ${more}`;
      return Number((await stage.postgres.query(`SELECT count(*) FROM pg_stat_activity WHERE ${like}`))[0]?.['count']);
    };
    const waits = "AND wait_event = 'ClientWrite'";
    await untilFound('the server waits for nobody', async () => (await stalled(waits)) > 0 || undefined);
    const session = await newestSession();
    expect(await stage.cli('kill', session, '--reason', 'it does not read')).toMatchObject({ code: 0 });
    await untilFound('the server still waits', async () => (await stalled('')) === 0 || undefined);
    stream.resume();
    // The reason is lost with what was not read; that it is over is not.
    expect(await ended).toBeDefined();
    expect(await closing(session)).toEqual(['Killed', expect.stringContaining('it does not read')]);
  },
  LIMIT_MS,
);

testGiven(findProgram('psql'), 'psql is not installed')(
  'psql says why its session was ended',
  async () => {
    const where = `host=${stage.host} port=${stage.port} user=agent dbname=${stage.postgres.database}`;
    await using psql = startProcess(findProgram('psql') ?? '', ['-X', where, '-c', 'SELECT pg_sleep(600)'], {
      env: { PGPASSWORD: await stage.token() },
    });
    await isWorking();
    expect(await stage.cli('kill', await newestSession(), '--reason', 'stop it')).toMatchObject({ code: 0 });
    const { stderr, code } = await psql.ended;
    expect(stderr).toMatch(/FATAL: .*ended by the gate[\s\S]*stop it/u);
    expect(code).toBe(2);
    await isIdle();
  },
  LIMIT_MS,
);

test(
  'suspend: true ends live sessions and opens none, until it is taken back',
  async () => {
    const access = readFileSync(join(stage.folder, 'access.yaml'), 'utf8');
    const client = await stage.connect();
    const { ended } = await startSleeping(client);
    expect(await stage.change({ 'access.yaml': `${access.trimEnd()}\n  suspend: true\n` })).toMatchObject({
      kind: 'Applied',
    });
    expect(await ended).toMatchObject({ code: '57P01', detail: expect.stringContaining('suspended') });
    await isIdle();
    await expect(stage.connect()).rejects.toMatchObject({ code: '28000' });
    await stage.change({ 'access.yaml': access });
    const again = await stage.connect();
    expect((await again.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await again.end();
  },
  LIMIT_MS,
);

test(
  'a session ends with its token, also while it runs something',
  async () => {
    const client = await stage.connect({ token: await stage.token({ expiresIn: 40 }) });
    const { ended } = await startSleeping(client);
    expect(await ended).toMatchObject({ code: '57P01', detail: expect.stringContaining('has expired') });
    await isIdle();
  },
  LIMIT_MS,
);
