import { assertNever } from '@sidegate/crds';
import { listSegments } from '../spool/recovery.ts';
import type { SegmentEntry } from '../spool/segment.ts';
import { SegmentReader } from '../spool/segment-reader.ts';
import type { SpoolEnd } from '../spool/segment-writer.ts';
import { NODE_FILES, type SpoolFiles } from '../spool/spool-files.ts';
import { errorText, systemErrorCode } from '../spool/system-error.ts';

/** What comes out of the spool, in order. */
export type FedEntry =
  | { readonly kind: 'Session'; readonly segment: number; readonly sessionId: string; readonly gateId: string }
  | (Extract<SegmentEntry, { readonly kind: 'Event' }> & { readonly segment: number; readonly sessionId: string })
  /** The segment was read to its end; `lostBytes` of it made no sense. */
  | { readonly kind: 'End'; readonly segment: number; readonly bytes: number; readonly lostBytes: number }
  /** The disk does not give the rest of the segment. What comes next is of the segment after it. */
  | { readonly kind: 'Unreadable'; readonly segment: number; readonly reason: string };

/** Reads all segments of a folder one after the other, never further than what was written whole. */
export class SegmentFeed {
  readonly #folder: string;
  readonly #end: () => SpoolEnd;
  readonly #files: SpoolFiles;
  readonly #sessionIds = new Map<number, string>();
  #waiting: readonly number[];
  #reader: SegmentReader | undefined;
  /** Of the file that is being read, once nothing more is written to it. */
  #finalBytes: number | undefined;
  #gateId = '';
  /** The last segment that was opened. */
  #last = 0;
  #seen: SpoolEnd = { segment: 0, offset: 0 };

  /** `end`: where the written part ends now. Throws when the folder cannot be read. */
  constructor(folder: string, end: () => SpoolEnd, files: SpoolFiles = NODE_FILES) {
    this.#folder = folder;
    this.#end = end;
    this.#files = files;
    this.#waiting = listSegments(folder);
  }

  /** Up to here all was read when `next` had nothing to give. */
  get seen(): SpoolEnd {
    return this.#seen;
  }

  /** The next entry, or undefined when all that was written up to now is read, as far as it can be. */
  next(): FedEntry | undefined {
    for (;;) {
      const entry = this.#nextBefore(this.#seen);
      if (entry !== undefined) return entry;
      const end = this.#end();
      if (end.segment === this.#seen.segment && end.offset === this.#seen.offset) return undefined;
      this.#seen = end;
    }
  }

  #nextBefore(end: SpoolEnd): FedEntry | undefined {
    if (this.#reader === undefined && !this.#hasNext(end)) return undefined;
    try {
      return this.#nextOf(this.#reader ?? this.#open(), end);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      this.close();
      return { kind: 'Unreadable', segment: this.#last, reason: errorText(error) };
    }
  }

  #nextOf(reader: SegmentReader, end: SpoolEnd): FedEntry | undefined {
    for (;;) {
      const final = reader.number < end.segment;
      if (final && this.#finalBytes === undefined) this.#finalBytes = reader.fileBytes;
      const entry = reader.next(final ? (this.#finalBytes ?? 0) : end.offset);
      if (entry === undefined) return final ? this.#finish(reader) : undefined;
      const fed = this.#feed(entry, reader.number);
      if (fed !== undefined) return fed;
    }
  }

  /** The segment is no more: what is left of it to read, where it was read before, tells nothing new. */
  deleted(segment: number): void {
    if (this.#reader?.number === segment) this.close();
    this.#waiting = this.#waiting.filter((number) => number !== segment);
  }

  close(): void {
    try {
      this.#reader?.close();
    } catch {
      // A disk that gives no bytes may not say either that the file is closed.
    }
    this.#reader = undefined;
  }

  #feed(entry: SegmentEntry, segment: number): FedEntry | undefined {
    switch (entry.kind) {
      case 'Head':
        this.#gateId = entry.gateId;
        return undefined;
      case 'Session':
        this.#sessionIds.set(entry.index, entry.sessionId);
        return { kind: 'Session', segment, sessionId: entry.sessionId, gateId: this.#gateId };
      case 'Event': {
        const sessionId = this.#sessionIds.get(entry.index);
        if (sessionId === undefined) return undefined;
        const { index, sequence, flags, event } = entry;
        return { kind: 'Event', index, sequence, flags, event, segment, sessionId };
      }
      default:
        return assertNever(entry);
    }
  }

  /** Moves on to the next segment that can be read by now. */
  #hasNext(end: SpoolEnd): boolean {
    // The segment that is being written may not exist yet: it is made with the first write to it.
    const lastReadable = end.offset > 0 ? end.segment : end.segment - 1;
    if (this.#last >= lastReadable) return false;
    if (this.#waiting.length === 0) this.#waiting = listSegments(this.#folder).filter((number) => number > this.#last);
    const [number] = this.#waiting;
    if (number === undefined || number > lastReadable) return false;
    this.#waiting = this.#waiting.slice(1);
    this.#last = number;
    this.#sessionIds.clear();
    this.#finalBytes = undefined;
    return true;
  }

  #open(): SegmentReader {
    this.#reader = new SegmentReader(this.#folder, this.#last, this.#files);
    return this.#reader;
  }

  #finish(reader: SegmentReader): FedEntry {
    const bytes = reader.fileBytes;
    const lostBytes = bytes - reader.offset;
    reader.close();
    this.#reader = undefined;
    return { kind: 'End', segment: reader.number, bytes, lostBytes };
  }
}
