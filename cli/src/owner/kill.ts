import { type Fault, fail, type KillSelection, ok, type Result } from '@sidegate/crds';
import type { Given } from '../command.ts';
import { jsonLine } from '../read/json-line.ts';
import { askRun } from './owner-client.ts';
import type { OwnerCommand } from './owner-command.ts';

/** `sidegate kill`: ends sessions now. */
export const KILL: OwnerCommand = {
  name: 'kill',
  summary: 'Ends sessions now: one, or all of a subject or an agent.',
  words: '[SESSION]',
  wordCount: { least: 0, most: 1 },
  options: {
    subject: { type: 'text', value: 'S', summary: 'All sessions whose token proved this subject.' },
    agent: {
      type: 'text',
      value: 'A',
      summary: 'All sessions of an AgentAccess (namespace/name, or name), or of the name that an agent claims.',
    },
    reason: { type: 'text', value: 'WHY', summary: 'Told to the agent, and kept in the record.' },
  },
  details: `
A session is named by its id, or by the first 8 characters or more. Its client is told SQLSTATE 57P01 and the reason, and what it runs is
cancelled. Nothing keeps the agent from connecting again: for that set suspend: true in its AgentAccess.
With --json one line: {"kind":"Killed","sessions":[...]}. Exit code 1 when no session fits.`,
  async work(socketPath, given, terminal) {
    const which = selectionOf(given);
    if (!which.ok) return which.fault;
    const killed = await askRun(socketPath, { kind: 'Kill', which: which.value, reason: given.text('reason') ?? '' });
    if (!killed.ok) return killed.fault;
    const { sessions } = killed.value;
    if (sessions.length === 0)
      return { code: 'NoSession', message: 'No open session fits.', mend: 'See sidegate sessions --open.' };
    if (given.flag('json')) await terminal.out(jsonLine(killed.value));
    else
      await terminal.out(
        sessions
          .map((session) => `${session === '' ? 'A connection that was logging in' : session} is ended.\n`)
          .join(''),
      );
    return 0;
  },
};

function selectionOf(given: Given): Result<KillSelection, Fault<'Usage'>> {
  const [session] = given.words;
  const subject = given.text('subject');
  const agent = given.text('agent');
  const chosen: readonly KillSelection[] = [
    ...(session === undefined ? [] : [{ session }]),
    ...(subject === undefined ? [] : [{ subject }]),
    ...(agent === undefined ? [] : [{ agent }]),
  ];
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return ok(only);
  return fail({ code: 'Usage', message: 'Give exactly one of SESSION, --subject and --agent.' });
}
