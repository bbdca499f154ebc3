import { expect } from '@jest/globals';
import type { Stage } from '../stage.ts';
import { type Ended, runProcess } from '../support/processes.ts';

/** Runs a client of PostgreSQL with the environment that libpq reads: address, user, database and a good token as the password. */
export async function runClient(
  stage: Stage,
  program: string,
  parameters: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = {
    ...environment,
    PGHOST: stage.host,
    PGPORT: String(stage.port),
    PGUSER: 'agent',
    PGDATABASE: stage.postgres.database,
    PGPASSWORD: await stage.token(),
    PGSSLMODE: 'disable',
    PSQLRC: '/dev/null',
  };
  return runProcess(program, parameters, { env, ...(input === undefined ? {} : { input }) });
}

/** The same, and it must end well: its standard output. */
export async function runClientWell(
  stage: Stage,
  program: string,
  parameters: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await runClient(stage, program, parameters, input, environment);
  expect({ code, stderr: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
