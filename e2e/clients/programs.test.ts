import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStage, type Stage } from '../stage.ts';
import { type PostgresBuild, postgresBuilds } from '../support/postgres-build.ts';
import { findProgram, postgresFolders } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { runClient, runClientWell } from './client-run.ts';
import { OPEN_POLICY } from './open-policy.ts';

const TIMEOUT_MS = 300_000;
const psql = findProgram('psql') ?? '';
const pgbench = findProgram('pgbench') ?? '';
const withPsql = testGiven(psql !== '', 'psql is not installed');
const withPgbench = testGiven(pgbench !== '', 'pgbench is not installed');
const CLEAR = ['ada@example.com', '536-90-4399', '4111 1111 1111 1111'];

/** pg_dump takes only servers that are not newer than it is, and Debian's own wrapper would choose one by itself. */
const dumpFolder = postgresFolders().find((folder) =>
  postgresBuilds().some(({ postgres }) => postgres.startsWith(folder)),
);
const pgDump = join(dumpFolder ?? '', 'pg_dump');
const pgRestore = join(dumpFolder ?? '', 'pg_restore');
const dumped = postgresBuilds().find(({ postgres }) => dumpFolder !== undefined && postgres.startsWith(dumpFolder));
const withDump = testGiven(
  dumped !== undefined && existsSync(pgDump),
  'no pg_dump and server of one version are installed',
);

function seesNothingClear(text: string): void {
  for (const clear of CLEAR) expect(text).not.toContain(clear);
}

describe.each(postgresBuilds().map((build): [string, PostgresBuild] => [build.version, build]))(
  'with %s',
  (_name, build) => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage({ build, files: { 'policy.yaml': OPEN_POLICY } });
    }, TIMEOUT_MS);
    afterAll(async () => {
      await stage?.stop();
    }, TIMEOUT_MS);

    withPsql(
      'psql lists, describes, reads, writes, copies and pages through a cursor',
      async () => {
        const script = [
          '\\d',
          '\\d customers',
          '\\d+ contacts',
          '\\df',
          '\\dn+',
          '\\du',
          'SELECT * FROM customers ORDER BY id;',
          '\\gdesc',
          'TABLE contacts;',
          'BEGIN;',
          'DECLARE c CURSOR FOR SELECT email FROM customers ORDER BY id;',
          'FETCH 2 FROM c;',
          'COMMIT;',
          '\\copy customers to stdout csv header',
          'COPY (SELECT id, ssn FROM customers) TO STDOUT;',
          "INSERT INTO orders VALUES (1000, 1, 'copied', 1, 'new', now()) RETURNING id;",
          '\\set FETCH_COUNT 1',
          'SELECT name, email FROM customers ORDER BY id;',
        ].join('\n');
        const said = await runClientWell(stage, psql, ['-v', 'ON_ERROR_STOP=1', '-f', '-'], script);
        expect(said).toContain('customers_pkey');
        expect(said).toContain('***********.com');
        seesNothingClear(said);
      },
      TIMEOUT_MS,
    );

    withPsql(
      'psql completes names',
      async () => {
        const said = await runClientWell(stage, psql, [
          '-Atc',
          "SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v') AND substring(pg_catalog.quote_ident(c.relname),1,4)='cust' AND pg_catalog.pg_table_is_visible(c.oid)",
        ]);
        expect(said.trim()).toBe('customers');
      },
      TIMEOUT_MS,
    );

    withPsql(
      'psql is told why a wrong token does not open a session',
      async () => {
        const ended = await runClient({ ...stage, token: () => stage.token({ audience: 'somewhere-else' }) }, psql, [
          '-c',
          'SELECT 1',
        ]);
        expect(ended.code).toBe(2);
        expect(ended.stderr).toContain('another audience');
      },
      TIMEOUT_MS,
    );

    withPgbench(
      'pgbench fills its tables and runs in all three query modes',
      async () => {
        await runClientWell(stage, pgbench, ['-i', '-q', '-s', '1']);
        for (const mode of ['simple', 'extended', 'prepared']) {
          const said = await runClientWell(stage, pgbench, ['-M', mode, '-c', '4', '-j', '2', '-t', '20', '-n']);
          expect(said).toMatch(/number of transactions actually processed: 80\/80/);
          expect(said).toMatch(/number of failed transactions: 0|^(?![^]*failed)/);
        }
      },
      TIMEOUT_MS,
    );
  },
);

describe('dump and restore', () => {
  let stage: Stage;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    if (dumped === undefined) return;
    folder = temporaryFolder('dump');
    stage = await openStage({ build: dumped, files: { 'policy.yaml': OPEN_POLICY } });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
    folder?.remove();
  }, TIMEOUT_MS);

  withDump(
    'pg_dump writes a whole dump with masked values, as text and for pg_restore',
    async () => {
      const text = await runClientWell(stage, pgDump, ['--no-owner']);
      expect(text).toContain('CREATE TABLE public.customers');
      expect(text).toContain('PostgreSQL database dump complete');
      expect(text).toContain('*******4399');
      seesNothingClear(text);
      const archive = folder.file('orders.dump');
      await runClientWell(stage, pgDump, ['-Fc', '--no-owner', '-t', 'orders', '-f', archive]);
      expect(readFileSync(archive).length).toBeGreaterThan(1000);
      const restored = await runClient(stage, pgRestore, [
        '-d',
        'orders',
        '--no-owner',
        '--clean',
        '--if-exists',
        archive,
      ]);
      expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
      expect(await stage.postgres.query('SELECT count(*)::int AS n FROM orders')).toEqual([{ n: 20 }]);
    },
    TIMEOUT_MS,
  );
});

test('at least one server was there to test with', () => {
  expect(postgresBuilds().length).toBeGreaterThan(0);
});
