import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { decodeEvent, type SessionEvent } from '@sidegate/session';
import { Reader } from '@sidegate/session/store';
import { ownerSocketIn } from '../../cli/src/state-folder.ts';
import { type RowsDigest, rowsDigest } from './rows-digest.ts';

/** One command as the store has it. */
export interface RecordedCommand {
  readonly sessionId: string;
  readonly text: string;
  readonly forwarded: boolean;
  /** Undefined when the record does not say how it ended. */
  readonly outcome: string | undefined;
  /** How its session ended: the code of Closed, or `Open`. */
  readonly end: string;
  readonly rows: RowsDigest;
}

/** Everything that the store holds after a run. */
export interface RecordLedger {
  readonly commands: readonly RecordedCommand[];
  /** How often sessions ended by each code; `Open` for those that did not. */
  readonly ends: ReadonlyMap<string, number>;
}

/** Reads the given sessions whole, straight from the owner's socket of the store. Throws when an event cannot be read. */
export async function readLedger(state: string, sessionIds: readonly string[]): Promise<RecordLedger> {
  const commands: RecordedCommand[] = [];
  const ends = new Map<string, number>();
  await withEvents(state, async (eventsOf) => {
    for (const sessionId of sessionIds) {
      const reading = new SessionReading(sessionId);
      for await (const event of eventsOf(sessionId)) reading.take(event);
      commands.push(...reading.commands());
      ends.set(reading.end, (ends.get(reading.end) ?? 0) + 1);
    }
  });
  return { commands, ends };
}

/** The whole recorded answer to the command with this text, however long: its size and hash. */
export async function readAnswer(
  state: string,
  sessionId: string,
  text: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await withEvents(state, async (eventsOf) => {
    let commandId = -1;
    for await (const event of eventsOf(sessionId)) {
      if (event.kind === 'CommandJudged' && event.text === text) commandId = event.commandId;
      if (event.kind !== 'AnswerPart' || event.commandId !== commandId) continue;
      hash.update(event.bytes);
      bytes += event.bytes.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

type EventsOf = (sessionId: string) => AsyncIterable<SessionEvent>;

async function withEvents(state: string, read: (eventsOf: EventsOf) => Promise<void>): Promise<void> {
  const createConnection = () => connect(ownerSocketIn(state));
  const sessionManager = new Http2SessionManager('http://store', undefined, { createConnection });
  const reader = createClient(Reader, createGrpcTransport({ baseUrl: 'http://store', sessionManager }));
  try {
    await read(async function* (sessionId) {
      for await (const { event } of reader.events({ sessionId })) {
        const decoded = decodeEvent(event);
        if (!decoded.ok) throw new Error(decoded.fault.message);
        yield decoded.value.event;
      }
    });
  } finally {
    sessionManager.abort();
  }
}

interface CommandReading {
  readonly text: string;
  forwarded: boolean;
  outcome: string | undefined;
  readonly answer: Uint8Array[];
}

class SessionReading {
  readonly #sessionId: string;
  readonly #commands = new Map<number, CommandReading>();
  end = 'Open';

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  take(event: SessionEvent): void {
    switch (event.kind) {
      case 'CommandJudged':
        this.#commands.set(event.commandId, { text: event.text, forwarded: false, outcome: undefined, answer: [] });
        return;
      case 'CommandForwarded': {
        const command = this.#commands.get(event.commandId);
        if (command !== undefined) command.forwarded = true;
        return;
      }
      case 'AnswerPart':
        this.#commands.get(event.commandId)?.answer.push(event.bytes);
        return;
      case 'CommandFinished': {
        const command = this.#commands.get(event.commandId);
        if (command !== undefined) command.outcome = event.outcome;
        return;
      }
      case 'Closed':
        this.end = event.code;
        return;
      default:
        return;
    }
  }

  commands(): readonly RecordedCommand[] {
    return [...this.#commands.values()].map(({ text, forwarded, outcome, answer }) => ({
      sessionId: this.#sessionId,
      text,
      forwarded,
      outcome,
      end: this.end,
      rows: rowsDigest(answer),
    }));
  }
}
