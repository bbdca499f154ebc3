import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { failureOf } from './client-error.ts';
import { runClient, runClientWell } from './clients/client-run.ts';
import { openStage, type Stage } from './stage.ts';
import { findProgram } from './support/programs.ts';
import { testGiven } from './support/test-given.ts';

const TIMEOUT_MS = 300_000;
const psql = findProgram('psql') ?? '';
const withPsql = testGiven(psql !== '', 'psql is not installed');
const QUESTION = 'SELECT ssn FROM customers WHERE id = 1';
const MASKED = '*******4399';

describe('TLS on both sides', () => {
  let stage: Stage;
  let authority: string;
  beforeAll(async () => {
    stage = await openStage({ tls: 'Required' });
    authority = join(stage.state, 'trust', 'ca.pem');
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
  }, TIMEOUT_MS);

  test(
    'the gate speaks TLS to the target, also for an agent that asks for none',
    async () => {
      const client = await stage.connect();
      expect((await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows).toEqual([
        { ssl: true },
      ]);
      await client.end();
    },
    TIMEOUT_MS,
  );

  test('the gate’s authority is there before any agent, and its key is the gate’s alone', async () => {
    const files = ['ca.pem', 'bundle.pem', 'ssh_known_hosts'].map((name) => join(stage.state, 'trust', name));
    const [ca = '', bundle = '', knownHosts = ''] = files;
    const { trust } = await stage.event(({ kind }) => kind === 'Ready');
    expect(trust).toEqual({ authority: ca, bundle, knownHosts });
    for (const file of files) expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o644]);
    expect(readFileSync(ca, 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(readFileSync(bundle, 'utf8')).toContain(readFileSync(ca, 'utf8'));
    expect(statSync(join(stage.state, 'gate', 'agent-ca.json')).mode & 0o777).toBe(0o600);
  });

  test.each<['postgres' | 'direct']>([['postgres'], ['direct']])(
    'node-postgres verifies the gate by that authority (%s)',
    async (sslnegotiation) => {
      const ssl = { ca: readFileSync(authority, 'utf8'), servername: 'localhost' };
      const client = await stage.connect({ ssl, sslnegotiation } as pg.ClientConfig);
      expect((await client.query(QUESTION)).rows).toEqual([{ ssn: MASKED }]);
      await client.end();
    },
    TIMEOUT_MS,
  );

  test(
    'under another name it does not',
    async () => {
      const ssl = { ca: readFileSync(authority, 'utf8'), servername: 'elsewhere.example' };
      expect(await failureOf(stage.connect({ ssl }))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    },
    TIMEOUT_MS,
  );

  withPsql(
    'psql verifies it fully',
    async () => {
      const parameters = [
        `host=localhost hostaddr=${stage.host} sslmode=verify-full sslrootcert=${authority}`,
        '-Atc',
        QUESTION,
      ];
      expect((await runClientWell(stage, psql, ['-d', ...parameters])).trim()).toBe(MASKED);
    },
    TIMEOUT_MS,
  );
});

test(
  'a target that offers no TLS is refused where policy demands it, and nothing falls back to plain text',
  async () => {
    await using stage = await openStage();
    const file = join(stage.folder, 'target.yaml');
    const change = await stage.change({
      'target.yaml': readFileSync(file, 'utf8').replace('mode: Disable', 'mode: Require'),
    });
    expect(change.kind).toBe('Applied');
    const failure = await failureOf(stage.connect());
    expect(failure).toMatchObject({ code: '08001' });
    expect(JSON.stringify(failure)).toMatch(/TLS/);
    const agents = (await stage.postgres.statements()).filter(
      ({ applicationName }) => !applicationName.startsWith('sidegate'),
    );
    expect(agents).toEqual([]);
  },
  TIMEOUT_MS,
);

withPsql(
  'agents reach the gate over a Unix socket',
  async () => {
    await using stage = await openStage();
    const folder = join(stage.folder, 'sockets');
    const configuration = readFileSync(join(stage.folder, 'configuration.yaml'), 'utf8');
    const listen = `listen: {doors: [{access: {namespace: agents, name: support-bot}, target: {namespace: data, name: orders-db},
      unixDirectory: ./sockets}]}`;
    const change = await stage.change({
      'configuration.yaml': `${configuration}
${listen}
`,
    });
    expect(change).toMatchObject({ kind: 'Applied' });
    expect(existsSync(folder)).toBe(true);
    const ended = await runClient({ ...stage, host: folder }, psql, ['-Atc', QUESTION]);
    expect({ code: ended.code, stdout: ended.stdout.trim(), stderr: ended.stderr }).toEqual({
      code: 0,
      stdout: MASKED,
      stderr: '',
    });
  },
  TIMEOUT_MS,
);
