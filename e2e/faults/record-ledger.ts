import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { decodeEvent, type SessionEvent } from '@sidegate/session';
import { Reader } from '@sidegate/session/store';
import { ownerSocketIn } from '../../cli/src/state-folder.ts';
import type { LaneStage, StalledAnswer } from './lane.ts';
import { holdsAll, type Received } from './received.ts';

/** One command as the store has it. */
export interface RecordedCommand {
  readonly sessionId: string;
  readonly text: string;
  readonly forwarded: boolean;
  /** Undefined when the record does not say how it ended. */
  readonly outcome: string | undefined;
  /** How its session ended: the code of Closed, or `Open`. */
  readonly end: string;
  /** What more was sent to the server for it. */
  readonly input: Uint8Array;
}

/** Everything that the store holds after a run. */
export interface RecordLedger {
  readonly commands: readonly RecordedCommand[];
  /** How often sessions ended by each code; `Open` for those that did not. */
  readonly ends: ReadonlyMap<string, number>;
  /** What agents received that is in a recorded answer to that text. */
  readonly held: ReadonlySet<Received>;
}

/** Reads the given sessions whole, straight from the owner's socket of the store, against what agents received. Throws when an event cannot be read. */
export async function readLedger(
  stage: Pick<LaneStage, 'state' | 'answerOf' | 'inputOf'>,
  sessionIds: readonly string[],
  received: readonly Received[],
): Promise<RecordLedger> {
  const commands: RecordedCommand[] = [];
  const ends = new Map<string, number>();
  const held = new Set<Received>();
  const byText = Map.groupBy(received, ({ text }) => text);
  await withEvents(stage.state, async (eventsOf) => {
    for (const sessionId of sessionIds) {
      const reading = new SessionReading();
      for await (const event of eventsOf(sessionId)) reading.take(event);
      const { end } = reading;
      for (const { text, forwarded, outcome, input, answer } of reading.commands()) {
        commands.push({ sessionId, text, forwarded, outcome, end, input: stage.inputOf(input) });
        const streams = stage.answerOf(answer);
        for (const one of byText.get(text) ?? []) if (holdsAll(streams, one)) held.add(one);
      }
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  });
  return { commands, ends, held };
}

/** The whole recorded answer to the command with this text, however long: the size and hash of what `contentOf` gives of its parts. */
export async function readAnswer(
  state: string,
  sessionId: string,
  { text, contentOf }: Pick<StalledAnswer, 'text' | 'contentOf'>,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await withEvents(state, async (eventsOf) => {
    let commandId = -1;
    for await (const event of eventsOf(sessionId)) {
      if (event.kind === 'CommandJudged' && event.text === text) commandId = event.commandId;
      if (event.kind !== 'AnswerPart' || event.commandId !== commandId) continue;
      const content = contentOf(event.bytes);
      hash.update(content);
      bytes += content.length;
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
  readonly input: Uint8Array[];
  readonly answer: Uint8Array[];
}

class SessionReading {
  readonly #commands = new Map<number, CommandReading>();
  end = 'Open';

  take(event: SessionEvent): void {
    if (event.kind === 'CommandJudged') {
      const { text } = event;
      this.#commands.set(event.commandId, { text, forwarded: false, outcome: undefined, input: [], answer: [] });
    }
    if (event.kind === 'Closed') this.end = event.code;
    const command = 'commandId' in event ? this.#commands.get(event.commandId) : undefined;
    if (command === undefined) return;
    if (event.kind === 'CommandForwarded') command.forwarded = true;
    if (event.kind === 'InputPart') command.input.push(event.bytes);
    if (event.kind === 'AnswerPart') command.answer.push(event.bytes);
    if (event.kind === 'CommandFinished') command.outcome = event.outcome;
  }

  commands(): Iterable<CommandReading> {
    return this.#commands.values();
  }
}
