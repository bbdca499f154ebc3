import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type pg from 'pg';
import { parse } from 'yaml';
import { failureOf } from '../client-error.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { HOST, PASSWORD, PodStage } from './pod-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const psql = findProgram('psql');
const test = testGiven(
  programs,
  'the gate of a pod: the programs of the cluster are not built (npm run cluster -- up)',
);
const testPsql = testGiven(
  programs !== undefined && psql !== undefined,
  'the gate of a pod with psql: it is not there',
);

const SUBJECT = 'system:serviceaccount:agents:bot';
const MASKED = /^Edsger Dijkstra\|(?!edsger@example\.com)\S+$/m;

let stage: PodStage;
/** Open from the second test to the end of the gate that it came through. */
let session: pg.Client;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await PodStage.start(programs);
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

async function guard(rules: readonly object[]): Promise<void> {
  const file = readFileSync(join(import.meta.dirname, '../../examples/postgres/policy.yaml'), 'utf8');
  const { spec } = parse(file) as { spec: { rules: readonly object[] } };
  await stage.cluster.resource('Policy', 'data', 'guard', { ...spec, rules: [...spec.rules, ...rules] });
}

const EXTRA = {
  name: 'no-orders',
  match: { postgres: { tables: [{ name: 'public.orders', access: 'Read' }] } },
  action: 'Deny',
  reason: 'Closed for stock-taking.',
};

/** Resolves when the open session is refused what `EXTRA` refuses, or is not. */
async function becomes(client: pg.Client, refused: boolean): Promise<void> {
  await stage.until(`orders ${refused ? 'refused' : 'allowed'}`, async () => {
    const failure = await failureOf(client.query('SELECT count(*) FROM orders'));
    return (failure !== undefined) === refused;
  });
}

test('a gate without rules is not started, and says why', async () => {
  await stage.startGate({ awaited: false });
  await stage.until('the owner socket', async () => !/ENOENT|ECONNREFUSED/.test((await stage.probe()).stderr));
  const { code, stderr } = await stage.probe();
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/has not sent rules/) });
  expect(await stage.resolve('elsewhere.example')).toBe('192.0.2.7');
  await stage.startOperator();
  await stage.until('the start', async () => (await stage.probe()).code === 0);
});

test('a Target’s names lead to the gate as soon as the operator opens it', async () => {
  expect(await stage.resolve(HOST)).toBe('ESERVFAIL');
  await guard([]);
  await stage.target();
  await stage.until('the name', async () => (await stage.resolve(HOST)).startsWith('127.64.'));
  const address = await stage.resolve(HOST);
  for (const name of ['orders-db.data', `${HOST}.cluster.local`, `${HOST}.agents.svc.cluster.local`])
    expect(await stage.resolve(name)).toBe(address);
  expect(await stage.resolve('elsewhere.example')).toBe('192.0.2.7');
});

testPsql('psql with no password works, is masked, and is refused what the policy denies', async () => {
  const where = `host=${HOST} hostaddr=${await stage.resolve(HOST)} port=${stage.postgres.port} user=agent dbname=orders`;
  const commands = [
    'SELECT name, email FROM customers WHERE id = 3',
    'TRUNCATE orders',
    'SELECT 7 * 6 AS answer',
  ].flatMap((sql) => ['-c', sql]);
  // The bundle is what injected containers trust; verify-full checks the Target's own name.
  const env = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: stage.folder.file('trust/bundle.pem'), PGPASSWORD: undefined };
  const { stdout, stderr, code } = await runProcess(psql ?? '', ['-X', '-w', '-A', '-t', where, ...commands], { env });
  expect({ stdout, stderr, code }).toMatchObject({
    stdout: expect.stringMatching(MASKED),
    stderr: expect.stringMatching(/no-ddl[^]*Schema changes go through migrations/),
    code: 0,
  });
  expect(stdout).toMatch(/^42$/m);
});

test('the record says who: verified by the API server, claimed by the pod', async () => {
  session = await stage.connect();
  await session.query('SELECT name, email FROM customers WHERE id = 3');
  await stage.until('the record', async () => (await stage.sessions()).length > 0);
  const [newest] = await stage.sessions();
  expect(newest).toMatchObject({
    verified: {
      source: 'Workload',
      issuer: 'kubernetes',
      subject: SUBJECT,
      groups: expect.arrayContaining(['system:serviceaccounts:agents']),
      pod: 'agents/bot-1',
    },
    claimed: { agent: 'support-bot', run: 'run-7' },
  });
  await stage.until('the command', async () => (await stage.commands(newest?.['sessionId'])).length > 0);
  expect(JSON.stringify(await stage.commands(newest?.['sessionId']))).not.toContain('edsger@');
  await stage.cluster.becomes('AgentAccess', 'agents', 'bot', /^Ready=True.*Recorded=True Recording, 1\/1$/);
});

test('reading many statements takes no memory that the container does not have', async () => {
  for (let statement = 0; statement < 1_000; statement++) await session.query(`SELECT 1 AS n -- ${statement}`);
  const [, peakKiB] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${stage.gate.pid}/status`, 'utf8')) ?? [];
  expect(Number(peakKiB) / 1024).toBeLessThan(450);
});

test('a policy change binds the next command of the open session', async () => {
  await becomes(session, false);
  await guard([EXTRA]);
  await becomes(session, true);
  const refused = await failureOf(session.query('SELECT count(*) FROM orders'));
  expect(JSON.stringify(refused)).toContain('Closed for stock-taking.');
  await session.query('SELECT 1');
});

test('with the operator killed everything goes on: the open session, new ones, and the rules', async () => {
  await stage.killOperator();
  await becomes(session, true);
  await session.query('SELECT 1');
  const another = await stage.connect();
  await becomes(another, true);
  const masked = await another.query<{ email: string }>('SELECT email FROM customers WHERE id = 3');
  expect(masked.rows[0]?.email).not.toBe('edsger@example.com');
});

test('a gate that was killed comes back with the same authority, names and rules, though the operator is away', async () => {
  const [authority, address] = [stage.trusted('ca.pem'), await stage.resolve(HOST)];
  await stage.gate.stop('SIGKILL');
  await stage.startGate();
  expect(stage.trusted('ca.pem')).toBe(authority);
  expect(await stage.resolve(HOST)).toBe(address);
  session = await stage.connect();
  await becomes(session, true);
});

test('an operator that comes back is followed, by the sessions that are open', async () => {
  await stage.startOperator();
  await guard([]);
  await becomes(session, false);
});

test('agents can read no credential and no key', () => {
  for (const file of ['ca.pem', 'bundle.pem'] as const) {
    expect(stage.trusted(file)).not.toContain('PRIVATE KEY');
    expect(stage.trusted(file)).not.toContain(PASSWORD);
  }
  for (const file of ['agent-ca.json', 'last-known-good.json', 'gate.sock'])
    expect(statSync(stage.folder.file(`state/${file}`)).mode & 0o077).toBe(0);
});

test('when something else has a Target’s address its name leads nowhere, until the address is free', async () => {
  const address = await stage.resolve(HOST);
  await stage.gate.stop('SIGKILL');
  const intruder = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => intruder.listen(stage.postgres.port, address, resolve));
  await stage.startGate();
  expect(await stage.resolve(HOST)).toBe('ENODATA');
  await stage.gate.line(/something else in the pod has the address of a Target.*orders-db\.data\.svc/);
  await stage.cluster.becomes('AgentAccess', 'agents', 'bot', /Programmed=False DoorBlocked/);
  await new Promise((resolve) => intruder.close(resolve));
  await stage.until('the name', async () => (await stage.resolve(HOST)) === address);
  session = await stage.connect();
  await session.query('SELECT 1');
});

test('a gate that is told to stop hands its records over and exits with 0', async () => {
  stage.gate.child.kill('SIGTERM');
  const { code } = await stage.gate.ended;
  expect(code).toBe(0);
  const open = (await stage.sessions()).filter(({ closedUs }) => !(Number(closedUs) > 0));
  expect(open).toEqual([]);
});

test('rules that are too old close every door, with the reason', async () => {
  await stage.killOperator();
  const path = stage.folder.file('state/last-known-good.json');
  const kept = JSON.parse(readFileSync(path, 'utf8')) as { heardMs: number };
  writeFileSync(path, JSON.stringify({ ...kept, heardMs: kept.heardMs - 7_200_000 }));
  await stage.startGate();
  const refused = await failureOf(stage.connect());
  expect(JSON.stringify(refused)).toMatch(/has not heard from its operator/);
  await stage.startOperator();
  await stage.until('the return', async () => (await failureOf(stage.connect())) === undefined);
});
