import { readdirSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionProgress } from './progress.ts';
import { FLAG, segmentName, segmentNumber } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { NODE_FILES, type SpoolFiles } from './spool-files.ts';
import { systemErrorCode } from './system-error.ts';

/** What an earlier process left in a spool folder. */
export interface Leftovers {
  /** The number of the last segment; 0: none. */
  readonly lastSegment: number;
  /** Bytes of all segments, after the torn end was cut off. */
  readonly bytes: number;
  /** Sessions that have no Closed, with the sequence number of the last event of each; those of which it is not known are left out. */
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
 * finds the sessions that were never closed. Throws when the folder cannot be read or written; one segment that cannot be read is
 * left as it is.
 */
export function recoverSegments(
  folder: string,
  progress: ReadonlyMap<string, SessionProgress>,
  files: SpoolFiles = NODE_FILES,
): Leftovers {
  const sessions = new FoundSessions(progress.values());
  const numbers = listSegments(folder);
  let bytes = 0;
  let tornBytes = 0;
  for (const number of numbers) {
    const path = join(folder, segmentName(number));
    const { whole, total, readable, short } = recoverSegment(folder, number, sessions, files);
    // Only the last write of the process can be torn, and then it is cut short. Anything else is damage, or was written by a newer
    // version, and is left as it is for whoever reads on.
    const torn = readable && number === numbers.at(-1) && short;
    if (torn) tornBytes = total - whole;
    if (readable && (total === 0 || (torn && whole === 0))) unlinkSync(path);
    else if (torn && whole < total) truncateSync(path, whole);
    bytes += torn ? whole : total;
  }
  return { lastSegment: numbers.at(-1) ?? 0, bytes, openSessions: sessions.open, tornBytes };
}

/** What was found of one segment: how many of its bytes are whole entries. */
interface FoundSegment {
  readonly whole: number;
  readonly total: number;
  /** False: the disk does not give all of it. */
  readonly readable: boolean;
  /** What follows the whole entries is not even one frame. */
  readonly short: boolean;
}

function recoverSegment(folder: string, number: number, sessions: FoundSessions, files: SpoolFiles): FoundSegment {
  let reader: SegmentReader | undefined;
  let total = 0;
  try {
    reader = new SegmentReader(folder, number, files);
    total = reader.fileBytes;
    const sessionIds = new Map<number, string>();
    for (let entry = reader.next(total); entry !== undefined; entry = reader.next(total)) {
      if (entry.kind === 'Session') sessionIds.set(entry.index, entry.sessionId);
      if (entry.kind !== 'Event') continue;
      const sessionId = sessionIds.get(entry.index);
      if (sessionId !== undefined) sessions.event(sessionId, entry.sequence, entry.flags);
    }
    return { whole: reader.offset, total, readable: true, short: reader.endsShort(total) };
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    sessions.missSome();
    return { whole: 0, total, readable: false, short: false };
  } finally {
    reader?.close();
  }
}

/** The sessions of which something was found, in the order of the segments. */
class FoundSessions {
  readonly #open = new Map<string, number>();
  readonly #closed = new Set<string>();
  /** Open sessions that may have gone on in what cannot be read: nothing may follow an event that is not known. */
  readonly #unknown = new Set<string>();

  constructor(progress: Iterable<SessionProgress>) {
    for (const { sessionId, acked, closed } of progress) {
      if (closed) this.#closed.add(sessionId);
      else this.#open.set(sessionId, acked);
    }
  }

  event(sessionId: string, sequence: number, flags: number): void {
    this.#unknown.delete(sessionId);
    if (this.#closed.has(sessionId)) return;
    if ((flags & FLAG.Closes) !== 0) {
      this.#open.delete(sessionId);
      this.#closed.add(sessionId);
    } else {
      this.#open.set(sessionId, Math.max(sequence, this.#open.get(sessionId) ?? 0));
    }
  }

  /** There is more that cannot be read, before whatever comes next. */
  missSome(): void {
    for (const sessionId of this.#open.keys()) this.#unknown.add(sessionId);
  }

  /** Those that have no Closed, with the last event known of each. */
  get open(): Leftovers['openSessions'] {
    const known = [...this.#open].filter(([sessionId]) => !this.#unknown.has(sessionId));
    return known.map(([sessionId, lastSequence]) => ({ sessionId, lastSequence }));
  }
}
