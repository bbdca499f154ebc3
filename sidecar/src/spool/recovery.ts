import { readdirSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type SessionProgress } from './progress.ts';
import { FLAG, segmentName, segmentNumber } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';

/** What an earlier process left in a spool folder. */
export interface Leftovers {
  /** The number of the last segment; 0: none. */
  readonly lastSegment: number;
  /** Bytes of all segments, after the torn end was cut off. */
  readonly bytes: number;
  /** Sessions that have no Closed, with the sequence number of the last event known of each. */
  readonly openSessions: readonly { readonly sessionId: string; readonly lastSequence: number }[];
  /** Bytes that were cut off because they were never whole: a write that the process did not live to see. */
  readonly tornBytes: number;
}

/** The numbers of the segments in `folder`, in order. */
export function listSegments(folder: string): readonly number[] {
  const numbers = readdirSync(folder).map(segmentNumber);
  return numbers.filter((number) => number !== undefined).toSorted((left, right) => left - right);
}

/**
 * Reads all segments that are left, cuts off the torn end (nothing of it was ever said to be recorded), removes empty ones, and
 * finds the sessions that were never closed. Throws when the folder cannot be read or written.
 */
export function recoverSegments(folder: string, progress: ReadonlyMap<string, SessionProgress>): Leftovers {
  const open = new Map<string, number>();
  for (const { sessionId, acked, closed } of progress.values()) if (!closed) open.set(sessionId, acked);
  const closed = new Set([...progress.values()].filter((one) => one.closed).map((one) => one.sessionId));
  const numbers = listSegments(folder);
  let bytes = 0;
  let tornBytes = 0;
  let damagedBytes = 0;
  for (const number of numbers) {
    const { whole, total, short } = recoverSegment(folder, number, open, closed);
    const path = join(folder, segmentName(number));
    // Only the last write of the process can be torn, and then it is cut short. Anything else is damage, or was written by a newer
    // version, and is left as it is for whoever reads on.
    const torn = number === numbers.at(-1) && short;
    if (torn) tornBytes = total - whole;
    else damagedBytes += total - whole;
    if (total === 0 || (torn && whole === 0)) unlinkSync(path);
    else if (torn && whole < total) truncateSync(path, whole);
    bytes += whole;
  }
  const openSessions = [...open].map(([sessionId, lastSequence]) => ({ sessionId, lastSequence }));
  return { lastSegment: numbers.at(-1) ?? 0, bytes: bytes + damagedBytes, openSessions, tornBytes };
}

function recoverSegment(folder: string, number: number, open: Map<string, number>, closed: Set<string>) {
  const total = statSync(join(folder, segmentName(number))).size;
  const reader = new SegmentReader(folder, number);
  try {
    const sessionIds = new Map<number, string>();
    for (let entry = reader.next(total); entry !== undefined; entry = reader.next(total)) {
      if (entry.kind === 'Session') sessionIds.set(entry.index, entry.sessionId);
      if (entry.kind !== 'Event') continue;
      const sessionId = sessionIds.get(entry.index);
      if (sessionId === undefined || closed.has(sessionId)) continue;
      if ((entry.flags & FLAG.Closes) !== 0) {
        open.delete(sessionId);
        closed.add(sessionId);
      } else {
        open.set(sessionId, Math.max(entry.sequence, open.get(sessionId) ?? 0));
      }
    }
    return { whole: reader.offset, total, short: reader.endsShort(total) };
  } finally {
    reader.close();
  }
}
