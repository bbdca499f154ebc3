import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { failureOf } from '../client-error.ts';
import { runCli, startCli } from '../sidegate-cli.ts';
import { openStage, type Stage } from '../stage.ts';
import { stageFiles } from '../stage-files.ts';
import type { RunningProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LIMIT_MS = 180_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, LIMIT_MS);

afterAll(() => stage.stop(), LIMIT_MS);

async function works(): Promise<void> {
  const client = await stage.connect();
  await expect(client.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  await client.end();
}

test(
  'a second run on the same state folder is refused, and the first goes on',
  async () => {
    const second = await runCli(['run', '-f', stage.folder, '--state', stage.state]);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toBe(
      `${stage.state}: sidegate run -f ${stage.folder} (process ${stage.run.pid}) uses this state folder already. Stop it first, or give this one a folder of its own with --state.\n`,
    );
    await works();
  },
  LIMIT_MS,
);

test.each(['gate', 'store'] as const)(
  'a %s that is killed comes back at the same place with the same rules',
  async (program) => {
    const ca = readFileSync(join(stage.state, 'trust', 'ca.pem'), 'utf8');
    const before = stage.processIds()[program];
    process.kill(before, 'SIGKILL');
    await stage.event(({ kind, program: which, pid }) => kind === 'Started' && which === program && pid !== before);
    // Until the new gate listens, connections are refused by the system.
    for (let tried = 0; ; tried++) {
      try {
        await works();
        break;
      } catch (error) {
        if (Object(error).code !== 'ECONNREFUSED' || tried > 600) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    // An agent reads the authority when it starts, and goes on with it.
    const client = await stage.connect({ ssl: { ca, servername: 'localhost' } });
    await expect(client.query('DROP TABLE orders')).rejects.toMatchObject({ code: '42501' });
    await client.end();
    await stage.drained((all) => all.some(({ closedUs, commands }) => Number(closedUs) > 0 && Number(commands) > 0));
  },
  LIMIT_MS,
);

test(
  'a Target that cannot be reached is one sentence for the client, and the next connection tries again',
  async () => {
    await stage.postgres.crash();
    const refused = await failureOf(stage.connect());
    expect(refused).toMatchObject({ code: '08001', detail: expect.stringContaining('localhost') });
    await stage.postgres.startAgain();
    await works();
  },
  LIMIT_MS,
);

test(
  'a run on a Target that nobody serves warns with the mend, opens its door, and ends well',
  async () => {
    using folder = temporaryFolder('dead');
    const files = stageFiles({
      postgres: { port: 1, database: 'orders', certificates: undefined },
      loginPassword: 'unused',
      issuerUrl: stage.issuer.url,
      audience: stage.issuer.audience,
      identity: 'Token',
    });
    for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
    await using run = startCli([
      'run',
      '-f',
      folder.path,
      '--listen',
      '127.0.0.1',
      '--state',
      folder.file('st'),
      '--json',
    ]);
    const ready = await run.jsonLine(({ kind }) => kind === 'Ready');
    const warning = await run.jsonLine(({ kind }) => kind === 'Warning');
    expect(warning).toMatchObject({
      code: 'TargetUnreachable',
      message: 'The Target data/orders-db cannot be reached at localhost:1: nothing listens there.',
      mend: expect.stringContaining('Its door is open'),
    });
    const [listener] = Array.isArray(ready['listeners']) ? ready['listeners'] : [];
    const { host, port } = Object(listener) as { readonly host: string; readonly port: number };
    expect(await failureOf(stage.connect({ host, port }))).toMatchObject({
      code: '08001',
      detail: expect.stringContaining('localhost'),
    });
    const ended = await run.stop();
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain('"kind":"Stopped"');
  },
  LIMIT_MS,
);

test(
  'a login that the server does not take is warned of at the start, with the mend',
  async () => {
    using folder = temporaryFolder('login');
    const files = stageFiles({
      postgres: stage.postgres,
      loginPassword: 'not-the-password',
      issuerUrl: stage.issuer.url,
      audience: stage.issuer.audience,
      identity: 'Token',
    });
    for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
    await using run = startCli([
      'run',
      '-f',
      folder.path,
      '--listen',
      '127.0.0.1',
      '--state',
      folder.file('st'),
      '--json',
    ]);
    const warning = await run.jsonLine(({ kind }) => kind === 'Warning');
    expect(warning).toMatchObject({
      code: 'TargetUnusable',
      message: expect.stringMatching(/^The Target data\/orders-db is reached, but cannot be used: .*credential/),
      mend: expect.stringContaining('Correct its Secret'),
    });
    expect(run.output()).not.toContain('not-the-password');
  },
  LIMIT_MS,
);

test(
  'a run that is killed leaves nothing running, and the next one takes over its state and records',
  async () => {
    using folder = temporaryFolder('killed');
    const files = readdirSync(stage.folder).filter((name) => name.endsWith('.yaml'));
    for (const name of files) copyFileSync(join(stage.folder, name), folder.file(name));
    const flags = ['run', '-f', folder.path, '--listen', '127.0.0.1', '--state', folder.file('st'), '--json'];
    const started = async (run: RunningProcess): Promise<{ readonly host: string; readonly port: number }> => {
      const { listeners } = await run.jsonLine(({ kind }) => kind === 'Ready');
      const [listener] = Array.isArray(listeners) ? listeners : [];
      return Object(listener);
    };
    const visit = async ({ host, port }: { readonly host: string; readonly port: number }): Promise<void> => {
      const client = await stage.connect({ host, port });
      await client.query('SELECT 1 AS one');
      await client.end();
    };
    const first = startCli(flags);
    await visit(await started(first));
    await first.stop('SIGKILL');
    await using second = startCli(flags);
    await visit(await started(second));
    for (;;) {
      const { objects } = await runCli(['sessions', '--state', folder.file('st'), '--json']);
      const ended = objects.filter(({ commands }) => Number(commands) === 1);
      if (ended.length === 2) break;
    }
    const verified = await runCli(['verify', '--all', '--state', folder.file('st'), '--json']);
    expect(verified.code).toBe(0);
  },
  LIMIT_MS,
);
