import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import type { Route } from './route.ts';

export interface PgbenchResult {
  readonly transactions: number;
  /** Without the time that the first connections take. */
  readonly perSecond: number;
}

export type QueryMode = 'simple' | 'prepared';

export interface PgbenchLoad {
  readonly mode: QueryMode;
  readonly clients: number;
  readonly seconds: number;
  /** Every transaction on a connection of its own. */
  readonly connectEach?: boolean;
}

/** Time for connecting and for a machine that is busy with something else. */
const GRACE_MS = 120_000;

/** Makes pgbench's tables: 100,000 accounts. */
export async function fillTables(route: Route): Promise<void> {
  await run(route, ['-i', '-q', '-s', '1'], GRACE_MS);
}

/** One SELECT by key in each transaction, as fast as `clients` can. Throws when pgbench fails. */
export async function runSelects(route: Route, load: PgbenchLoad): Promise<PgbenchResult> {
  const { mode, clients, seconds, connectEach = false } = load;
  const how = [
    '-n',
    '-S',
    '-M',
    mode,
    '-c',
    String(clients),
    '-j',
    String(Math.min(clients, 2)),
    '-T',
    String(seconds),
  ];
  const output = await run(route, connectEach ? [...how, '-C'] : how, seconds * 1000 + GRACE_MS);
  const result = parsePgbench(output);
  if (result === undefined) throw new Error(`pgbench through ${route.name} gave no result:\n${output}`);
  return result;
}

/** Reads what pgbench prints at its end; undefined when it did not get there, or a transaction failed. */
export function parsePgbench(output: string): PgbenchResult | undefined {
  const transactions = /^number of transactions actually processed: (\d+)/m.exec(output)?.[1];
  const perSecond = /^tps = ([\d.]+) /m.exec(output)?.[1];
  const failed = /^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? '0';
  if (transactions === undefined || perSecond === undefined || failed !== '0') return undefined;
  return { transactions: Number(transactions), perSecond: Number(perSecond) };
}

async function run({ name, host, port, user, password, database }: Route, how: readonly string[], deadlineMs: number) {
  const program = findProgram('pgbench');
  if (program === undefined) throw new Error('pgbench is not installed; Debian has it in postgresql-contrib');
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
  };
  const { code, stdout, stderr } = await runProcess(program, how, { env, deadlineMs });
  if (code !== 0) throw new Error(`pgbench through ${name} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
