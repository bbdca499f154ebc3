import type { Stage } from '../stage.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import type { Outcomes } from './outcomes.ts';

/** The same with the command line client, where it is installed. False: it is not, and nothing was done. */
export async function workWithPsql(
  stage: Stage,
  outcomes: Outcomes,
  show: (side: string, text: string) => void,
): Promise<boolean> {
  const psql = findProgram('psql');
  if (psql === undefined) return false;
  const where = `host=${stage.host} port=${stage.port} user=agent dbname=${stage.postgres.database}`;
  const commands = [
    '-c',
    'SELECT name, email FROM customers WHERE id = 3',
    '-c',
    'TRUNCATE orders',
    '-c',
    'SELECT 7 * 6 AS answer',
  ];
  const { stdout, stderr, code } = await runProcess(psql, ['-X', '-A', where, ...commands], {
    env: { PGPASSWORD: await stage.token() },
  });
  show('agent', `psql -c "${commands[1] ?? ''}" -c "${commands[3] ?? ''}" -c "${commands[5] ?? ''}"`);
  show('', `${stdout}${stderr}`.trim());
  outcomes.expect(
    'psql: the email is masked',
    /Edsger Dijkstra\|\S+/.test(stdout) && !stdout.includes('edsger@'),
    stdout,
  );
  outcomes.expect(
    'psql: TRUNCATE is refused, with the rule and its reason',
    stderr.includes('no-ddl') && stderr.includes('migrations'),
    stderr,
  );
  outcomes.expect('psql: the session goes on after the refusal', stdout.includes('42') && code === 0, {
    stdout,
    stderr,
    code,
  });
  return true;
}
