import type { SessionSummary } from '@sidegate/session/store';
import { jsonLine } from './json-line.ts';
import type { ReadCommand } from './read-command.ts';
import { FILTER_OPTIONS, LIMIT_OPTION, readFilter, readLimit } from './session-filter.ts';
import { type Column, tableLines } from './table.ts';
import { showDuration, showTime } from './time.ts';

/** The store gives at most this many at once. */
const PAGE = 1000;

const COLUMNS: readonly Column<SessionSummary>[] = [
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'OPENED', value: ({ openedUs }) => showTime(openedUs).slice(0, 19) },
  { title: 'LENGTH', value: showLength, align: 'right' },
  { title: 'TARGET', value: ({ target }) => target },
  { title: 'SUBJECT', value: ({ verified }) => verified?.subject ?? '', yields: true },
  { title: 'AGENT (CLAIMED)', value: ({ claimed }) => claimed['agent'] ?? '', yields: true },
  { title: 'RUN (CLAIMED)', value: ({ claimed }) => claimed['run'] ?? '', yields: true },
  { title: 'COMMANDS', value: ({ commands }) => String(commands), align: 'right' },
  { title: 'DENIED', value: ({ denied }) => nonZero(denied), align: 'right' },
  { title: 'HELD', value: ({ held }) => nonZero(held), align: 'right' },
  { title: 'ROWS', value: ({ rows }) => String(rows), align: 'right' },
  { title: 'ALARMS', value: ({ alarms }) => nonZero(alarms), align: 'right' },
];

/** `sidegate sessions`: lists sessions. */
export const SESSIONS: ReadCommand = {
  name: 'sessions',
  summary: 'Lists recorded sessions, newest first.',
  options: {
    ...FILTER_OPTIONS,
    text: { type: 'text', value: 'WORDS', summary: 'With a command that holds all the words; word* is a beginning.' },
    open: { type: 'flag', summary: 'Only sessions that run.' },
    closed: { type: 'flag', summary: 'Only sessions that have ended.' },
    limit: LIMIT_OPTION,
  },
  async work(client, given, terminal) {
    const read = readFilter(given, Date.now());
    if (!read.ok) return read.fault;
    const limit = readLimit(given);
    if (!limit.ok) return limit.fault;
    const filter = { ...read.value, text: given.text('text') ?? '' };
    if (given.flag('open') !== given.flag('closed')) filter.open = given.flag('open');
    const sessions: SessionSummary[] = [];
    for (let cursor = ''; sessions.length < limit.value; ) {
      const ask = { filter, limit: Math.min(PAGE, limit.value - sessions.length), cursor };
      const page = await client.listSessions(ask, { signal: terminal.signal });
      sessions.push(...page.sessions);
      cursor = page.nextCursor;
      if (cursor === '') break;
    }
    if (given.flag('json')) {
      for (const session of sessions) await terminal.out(jsonLine(session));
      return 0;
    }
    if (sessions.length === 0) terminal.err('No session fits.');
    else await terminal.out(`${tableLines(COLUMNS, sessions, terminal.columns).join('\n')}\n`);
    return 0;
  },
};

/** How long a session took, or that it runs, or that its end is not known. */
export function showLength({ openedUs, closedUs, tailUnknown }: SessionSummary): string {
  if (tailUnknown) return 'tail unknown';
  return closedUs === 0n ? 'open' : showDuration(closedUs - openedUs);
}

function nonZero(count: bigint): string {
  return count === 0n ? '' : String(count);
}
