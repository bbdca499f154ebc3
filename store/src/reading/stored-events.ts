import { Code, ConnectError } from '@connectrpc/connect';
import type { OpenedChunk } from '@sidegate/session';
import type { ChunkRow } from '../index/chunk-table.ts';
import { openStoredChunk } from '../segments/stored-chunk.ts';
import type { Store } from '../store.ts';

/** Chunks that are looked up at once. */
const PAGE = 16;

/** One event as it is stored. */
export interface StoredEvent {
  readonly sessionId: string;
  readonly sequence: number;
  /** Encoded. */
  readonly event: Uint8Array;
}

/** The session's stored events from `fromSequence` on, in order, as far as they are stored now. */
export function* sessionEvents(store: Store, sessionId: string, fromSequence: number): Generator<StoredEvent> {
  for (let next = fromSequence; ; ) {
    const rows = store.chunks.from(sessionId, next, PAGE);
    if (rows.length === 0) return;
    for (const row of rows) {
      yield* eventsOf(openStored(store, row), next);
      next = row.lastSequence + 1;
    }
  }
}

/** Events of all sessions stored after chunk `ordinal`; `seen` is told of each chunk that was given out. */
export function* eventsSince(store: Store, ordinal: number, seen: (ordinal: number) => void): Generator<StoredEvent> {
  for (let after = ordinal; ; ) {
    const rows = store.chunks.since(after, PAGE);
    if (rows.length === 0) return;
    for (const row of rows) {
      // Retention may have taken it away since the look-up; then there is nothing to show.
      if (store.chunks.covering(row.sessionId, row.firstSequence, row.firstSequence).length > 0) {
        yield* eventsOf(openStored(store, row), 1);
      }
      after = row.ordinal;
      seen(after);
    }
  }
}

function* eventsOf(chunk: OpenedChunk, fromSequence: number): Generator<StoredEvent> {
  for (const [position, event] of chunk.encodedEvents.entries()) {
    const sequence = chunk.firstSequence + position;
    if (sequence >= fromSequence) yield { sessionId: chunk.sessionId, sequence, event };
  }
}

function openStored(store: Store, row: ChunkRow): OpenedChunk {
  // Looked up again: retention moves chunks while a reader waits.
  const [current] = store.chunks.covering(row.sessionId, row.firstSequence, row.firstSequence);
  const opened = openStoredChunk(store.segments, (current ?? row).place);
  if (opened.ok) return opened.value;
  const place = `session ${row.sessionId}, event ${row.firstSequence}`;
  throw new ConnectError(`${opened.fault.message} (${place})`, Code.DataLoss);
}
