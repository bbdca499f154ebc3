import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { postgresBuilds } from './postgres-build.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { runProcess } from './processes.ts';
import { findProgram } from './programs.ts';
import { testGiven } from './test-given.ts';

const DEADLINE_MS = 120_000;

describe.each(postgresBuilds().map((build) => [build.version, build] as const))('PostgreSQL %s', (version, build) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres({
      build,
      tls: 'Required',
      settings: { work_mem: `'8MB'` },
      setup: `CREATE TABLE t (id int); INSERT INTO t VALUES (7); CREATE ROLE app LOGIN PASSWORD 'pw'; GRANT SELECT ON t TO app`,
    });
  }, DEADLINE_MS);

  afterAll(async () => {
    await server.stop();
  }, DEADLINE_MS);

  const client = (changes: pg.ClientConfig = {}) =>
    new pg.Client({
      host: server.host,
      port: server.port,
      user: 'app',
      password: 'pw',
      database: server.database,
      ssl: { ca: server.certificates?.authority ?? '', servername: 'localhost' },
      ...changes,
    });

  test('runs the asked version with the asked settings', async () => {
    expect(await server.query('SHOW server_version')).toEqual([
      { server_version: expect.stringMatching(new RegExp(`^${version}\\b`)) },
    ]);
    expect(await server.query('SHOW work_mem')).toEqual([{ work_mem: '8MB' }]);
  }, 120_000);

  test('logs each statement once, with its bind values', async () => {
    const before = (await server.statements()).length;
    const app = client({ application_name: 'agent' });
    await app.connect();
    await app.query('SELECT id FROM t');
    await app.query('SELECT id FROM t WHERE id = $1', [7]);
    await app.end();
    const logged = await server.statements(before);
    const common = { user: 'app', database: 'orders', applicationName: 'agent' };
    expect(logged).toMatchObject([
      { ...common, kind: 'statement', text: 'SELECT id FROM t', parameters: '' },
      {
        ...common,
        kind: 'execute',
        text: 'SELECT id FROM t WHERE id = $1',
        parameters: expect.stringMatching(/\$1 = '7'/),
      },
    ]);
  }, 120_000);

  test.each([
    ['a wrong password', { password: 'no' }, 'password authentication failed'],
    ['no TLS', { ssl: false }, 'no encryption'],
    ['an unknown authority', { ssl: { ca: '', servername: 'localhost' } }, 'certificate'],
  ])(
    'refuses %s',
    async (_what, changes, message) => {
      await expect(client(changes).connect()).rejects.toThrow(message);
    },
    120_000,
  );

  test('comes back with its data after a crash', async () => {
    await server.crash();
    await expect(client().connect()).rejects.toThrow('ECONNREFUSED');
    await server.startAgain();
    expect(await server.query('SELECT id FROM t')).toEqual([{ id: 7 }]);
  }, 120_000);

  const psql = findProgram('psql');
  testGiven(psql, 'psql is not installed')(
    'takes psql over TCP and by its socket',
    async () => {
      for (const host of [server.host, server.socketDirectory]) {
        const where = `host=${host} port=${server.port} user=app dbname=${server.database}`;
        const ended = await runProcess(psql ?? '', ['-X', '-At', where, '-c', 'SELECT id FROM t'], {
          env: { PGPASSWORD: 'pw' },
        });
        expect(ended).toMatchObject({ code: 0, stdout: '7\n' });
      }
    },
    120_000,
  );
});

test('a server that cannot start says why', async () => {
  await expect(startPostgres({ settings: { work_mem: `'much'` } })).rejects.toThrow(/work_mem/);
}, 120_000);
