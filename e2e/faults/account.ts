import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../stage.ts';
import type { Load } from './load.ts';
import { type RecordedCommand, readLedger } from './record-ledger.ts';
import { holdsAll } from './rows-digest.ts';

/** How a session ends whose gate died in the middle of it. */
const CUT_SHORT: ReadonlySet<string> = new Set(['GateStopped', 'TailUnknown']);
const LOOK_MS = 200;
/** The store may have minutes of work in front of it. */
const DEADLINE_MS = 600_000;

/** The server's own log and what agents received, against the record. */
export interface Account {
  readonly sessions: number;
  /** Statements in the server's log. */
  readonly ran: number;
  readonly recorded: number;
  /** Ran at the server, and the record does not say that it was forwarded. Must be 0. */
  readonly forwardedUnrecorded: number;
  readonly rowsReceived: number;
  /** Statements of whose rows the agent received some that the record has not. Must be 0. */
  readonly receivedUnrecorded: number;
  /** Commands whose outcome the record says it does not know: `Lost`, or open in a session that is marked as cut short. */
  readonly markedLost: number;
  /** Commands that were forwarded and are neither ended nor marked. Must be 0. */
  readonly unmarked: number;
  /** Sessions by the code of their end. */
  readonly ends: Readonly<Record<string, number>>;
  /** `sidegate verify --all` found nothing changed, cut, reordered or deleted. */
  readonly verified: boolean;
  /** Texts of the first few that must not be. */
  readonly complaints: readonly string[];
}

/** Waits until the server is quiet and the store has everything, then compares. */
export async function account(stage: Stage, { received, connections }: Load): Promise<Account> {
  await serverIsQuiet(stage);
  const sessionIds = await storedSessions(stage, connections);
  const { commands, ends } = await readLedger(stage.state, sessionIds);
  const ran = (await stage.postgres.statements())
    .filter(({ applicationName }) => !applicationName.startsWith('sidegate'))
    .map(({ text }) => text);
  // A statement that was prepared and executed stands in the record as two commands with one text.
  const forwarded = new Map<string, RecordedCommand[]>();
  for (const one of commands.filter((command) => command.forwarded))
    forwarded.set(one.text, [...(forwarded.get(one.text) ?? []), one]);
  const unrecorded = ran.filter((text) => !forwarded.has(text));
  const unheld = received.filter(({ text, rows }) => {
    const held = forwarded.get(text) ?? [];
    return rows.rows > 0 && !held.some((command) => holdsAll(command.rows, rows));
  });
  const unfinished = [...forwarded.values()].flat().filter(({ outcome }) => outcome === undefined);
  const unmarked = unfinished.filter(({ end }) => !CUT_SHORT.has(end));
  const verify = await stage.cli('verify', '--all');
  return {
    sessions: sessionIds.length,
    ran: ran.length,
    recorded: commands.length,
    forwardedUnrecorded: unrecorded.length,
    rowsReceived: received.reduce((sum, { rows }) => sum + rows.rows, 0),
    receivedUnrecorded: unheld.length,
    markedLost: unfinished.length - unmarked.length + commands.filter(({ outcome }) => outcome === 'Lost').length,
    unmarked: unmarked.length,
    ends: Object.fromEntries(ends),
    verified: verify.code === 0,
    complaints: [
      ...unrecorded.slice(0, 3).map((text) => `ran unrecorded: ${text}`),
      ...unheld.slice(0, 3).map(({ text }) => `received unrecorded: ${text}`),
      ...unmarked.slice(0, 3).map(({ text, sessionId }) => `not marked: ${text} in ${sessionId}`),
    ],
  };
}

/** The promise of the recording, of an account. */
export function holds(one: Account): boolean {
  return one.forwardedUnrecorded === 0 && one.receivedUnrecorded === 0 && one.unmarked === 0 && one.verified;
}

/** What a killed gate left in the server's sockets is still read and run: its backends must be gone first. */
async function serverIsQuiet(stage: Stage): Promise<void> {
  await until('the server still has backends of agents', async () => {
    const rows = await stage.postgres.query(
      "SELECT 1 FROM pg_stat_activity WHERE usename = 'orders_app' AND application_name NOT LIKE 'sidegate%'",
    );
    return rows.length === 0 ? true : undefined;
  });
}

/** The sessions, once there are as many as agents had, all have ended and their number stays. */
async function storedSessions(stage: Stage, connections: number): Promise<readonly string[]> {
  let before = -1;
  return until('the store does not have every session to its end', async () => {
    const { code, objects } = await stage.cli('sessions', '--limit', '10000');
    const isWhole = objects.length >= connections && objects.length === before;
    const same = code === 0 && isWhole && objects.every(({ closedUs }) => Number(closedUs) > 0);
    before = objects.length;
    return same ? objects.map(({ sessionId }) => String(sessionId)) : undefined;
  });
}

/** The first value that `look` gives, asked again and again. */
export async function until<T>(otherwise: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${otherwise} after ${DEADLINE_MS} ms`);
    await sleep(LOOK_MS);
  }
}
