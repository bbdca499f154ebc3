import { afterAll, beforeAll, expect } from '@jest/globals';
import { runClientWell } from './clients/client-run.ts';
import { OPEN_POLICY } from './clients/open-policy.ts';
import { openStage, type Stage } from './stage.ts';
import { findProgram } from './support/programs.ts';
import { testGiven } from './support/test-given.ts';

const TIMEOUT_MS = 300_000;
const pgbench = findProgram('pgbench') ?? '';
const psql = findProgram('psql') ?? '';
const withClients = testGiven(pgbench !== '' && psql !== '', 'psql and pgbench are not both installed');

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': OPEN_POLICY } });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

/** The gate's own questions to the catalog carry this name in the server's log. */
const GATE = 'sidegate';

/** How often each text stands in a list. */
function counted(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

withClients(
  'what the server says it ran is what the record says was run, statement by statement',
  async () => {
    await runClientWell(stage, pgbench, ['-i', '-q', '-s', '1']);
    for (const mode of ['simple', 'extended', 'prepared'])
      await runClientWell(stage, pgbench, ['-M', mode, '-c', '3', '-t', '10', '-n']);
    await runClientWell(stage, psql, ['-c', 'SELECT 1; SELECT 2', '-c', '\\d orders', '-c', 'COPY orders TO STDOUT']);
    const client = await stage.connect();
    await client.query('SELECT $1::int AS n', [7]);
    await client.query('SELECT 1/0').catch(() => undefined);
    await client.end();
    const sessions = await stage.drained(
      (all) => all.length >= 9 && all.every(({ closedUs }) => closedUs !== undefined),
    );

    const ran = (await stage.postgres.statements()).filter(({ applicationName }) => !applicationName.startsWith(GATE));
    const recorded: string[] = [];
    for (const { sessionId } of sessions) {
      for (const command of await stage.commands(sessionId)) {
        if (command['prepares'] !== '' || command['outcome'] === 'Refused') continue;
        recorded.push(String(command['text']));
      }
    }
    expect(recorded.length).toBeGreaterThan(100);
    const server = counted(ran.map(({ text }) => text));
    const record = counted(recorded);
    const differences = [...new Set([...server.keys(), ...record.keys()])]
      .filter((text) => server.get(text) !== record.get(text))
      .map((text) => ({ text, server: server.get(text) ?? 0, record: record.get(text) ?? 0 }));
    expect(differences).toEqual([]);
  },
  TIMEOUT_MS,
);
