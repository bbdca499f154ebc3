import { runCli } from '../sidegate-cli.ts';
import { untilFound } from '../support/until-found.ts';
import type { LaneStage, Ran } from './lane.ts';
import type { Load } from './load.ts';
import { bytesOf } from './received.ts';
import { type RecordedCommand, readLedger } from './record-ledger.ts';

/** How a session ends whose gate died in the middle of it. */
const CUT_SHORT: ReadonlySet<string> = new Set(['GateStopped', 'TailUnknown']);
const LOOK_MS = 200;
/** The store may have minutes of work in front of it. */
const DEADLINE_MS = 600_000;

/** The server's own witness and what agents received, against the record. */
export interface Account {
  readonly sessions: number;
  /** Commands that the server says that it ran. */
  readonly ran: number;
  readonly recorded: number;
  /** Ran at the server, and the record does not say that it, with all of its input, was forwarded. Must be 0. */
  readonly forwardedUnrecorded: number;
  /** Of rows, replies or outputs. */
  readonly bytesReceived: number;
  /** Commands of whose answer the agent received some that the record has not. Must be 0. */
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
export async function account(
  stage: LaneStage,
  { received, connections }: Pick<Load, 'received' | 'connections'>,
): Promise<Account> {
  const ran = await stage.ran();
  const sessionIds = await storedSessions(stage, connections);
  const { commands, ends, held } = await readLedger(stage, sessionIds, received);
  // A statement that was prepared and executed stands in the record as two commands with one text.
  const forwarded = Map.groupBy(
    commands.filter((command) => command.forwarded),
    ({ text }) => text,
  );
  const unrecorded = ran.filter((one) => !(forwarded.get(one.text) ?? []).some(({ input }) => isIn(input, one)));
  const unheld = received.filter((one) => bytesOf(one) > 0 && !held.has(one));
  const unfinished = [...forwarded.values()].flat().filter(({ outcome }) => outcome === undefined);
  const unmarked = unfinished.filter(({ end }) => !CUT_SHORT.has(end));
  const verifying = ['verify', '--all', '--state', stage.state, '--json'];
  const verification = await runCli(verifying, { deadlineMs: DEADLINE_MS });
  const verified = verification.code === 0;
  return {
    sessions: sessionIds.length,
    ran: ran.length,
    recorded: commands.length,
    forwardedUnrecorded: unrecorded.length,
    bytesReceived: received.reduce((sum, one) => sum + bytesOf(one), 0),
    receivedUnrecorded: unheld.length,
    markedLost: unfinished.length - unmarked.length + commands.filter(({ outcome }) => outcome === 'Lost').length,
    unmarked: unmarked.length,
    ends: Object.fromEntries(ends),
    verified,
    complaints: [
      ...unrecorded.slice(0, 3).map(({ text }) => `ran unrecorded: ${text}`),
      ...unheld.slice(0, 3).map(({ text }) => `received unrecorded: ${text}`),
      ...unmarked.slice(0, 3).map(({ text, sessionId }) => `not marked: ${text} in ${sessionId}`),
      ...(verified ? [] : [`verify ended with ${verification.code}: ${verification.stderr}`]),
    ],
  };
}

/** Whether all the input that reached the server is at the start of what was recorded. */
function isIn(recorded: RecordedCommand['input'], { input }: Ran): boolean {
  return input === undefined || input.length === 0 || Buffer.compare(recorded.subarray(0, input.length), input) === 0;
}

/** The promise of the recording, of an account. */
export function holds(one: Account): boolean {
  return one.forwardedUnrecorded === 0 && one.receivedUnrecorded === 0 && one.unmarked === 0 && one.verified;
}

/** The sessions, once there are as many as agents had, all have ended and their number stays. */
async function storedSessions(stage: LaneStage, connections: number): Promise<readonly string[]> {
  let before = -1;
  return until('the store does not have every session to its end', async () => {
    // A store that was killed is not back yet: it is asked again.
    const sessions = await stage.cli('sessions', '--limit', '10000').catch(() => []);
    const isWhole = sessions.length >= connections && sessions.length === before;
    before = sessions.length;
    if (!isWhole || !sessions.every(({ closedUs }) => Number(closedUs) > 0)) return undefined;
    return sessions.map(({ sessionId }) => String(sessionId));
  });
}

/** The first value that `look` gives, asked again and again. */
export function until<T>(otherwise: string, look: () => Promise<T | undefined>): Promise<T> {
  return untilFound(otherwise, look, { deadlineMs: DEADLINE_MS, retryMs: LOOK_MS });
}
