import { setImmediate } from 'node:timers/promises';
import { openStoredChunk } from '../segments/stored-chunk.ts';
import type { Store } from '../store.ts';

/** Frames that are looked up before the store does other work. */
const LOOKED_UP_AT_ONCE = 1000;

/**
 * Sessions of which chunks stand in the segments, and which the index neither names nor says that retention took or that it could not hold: somebody took
 * them out of the index.
 */
export async function* unindexedSessions(store: Store, signal: AbortSignal): AsyncGenerator<string> {
  const { segments, chunks, alarms, query } = store;
  const told = new Set<string>();
  let looked = 0;
  for (const { segment } of segments.segments) {
    // Before this all was taken in when it was written; what comes behind may be on its way.
    for (const place of segments.places(segment, chunks.examinedBytes(segment))) {
      looked += 1;
      if (looked % LOOKED_UP_AT_ONCE === 0) await setImmediate();
      if (signal.aborted) return;
      if (chunks.standsAt(place)) continue;
      const opened = openStoredChunk(segments, place);
      if (!opened.ok) continue;
      const { sessionId } = opened.value;
      const isKnown = query.session(sessionId) !== undefined || chunks.droppedHead(sessionId) !== undefined;
      if (isKnown || told.has(sessionId) || alarms.has(sessionId, 'Invalid')) continue;
      told.add(sessionId);
      yield sessionId;
    }
  }
}
