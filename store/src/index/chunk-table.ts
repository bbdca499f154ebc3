import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SegmentPlace } from '../segments/segment-log.ts';
import { blobOf, booleanOf, integerOf, type Row, textOf } from './row.ts';

/** Where a session's record ends: its last event, and the hash of the chunk that holds it. */
export interface Head {
  readonly lastSequence: number;
  readonly lastSha256: Uint8Array;
  /** The last event is Closed. */
  readonly ended: boolean;
}

/** What identifies a chunk, and where it came to stand. */
export interface ChunkRow {
  /** Counts up over all sessions in the order of storing. */
  readonly ordinal: number;
  readonly sessionId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sha256: Uint8Array;
  readonly place: SegmentPlace;
}

const COLUMNS = 'ordinal, session_id, first_sequence, last_sequence, sha256, segment, offset, length';

/** The tables `chunks`, `segments` and `dropped`: which chunk stands where. */
export class ChunkTable {
  readonly #head: StatementSync;
  readonly #dropped: StatementSync;
  readonly #add: StatementSync;
  readonly #advance: StatementSync;
  readonly #examine: StatementSync;
  readonly #examined: StatementSync;
  readonly #covering: StatementSync;
  readonly #after: StatementSync;
  readonly #page: StatementSync;
  readonly #ofSegment: StatementSync;
  readonly #move: StatementSync;
  readonly #lastOrdinal: StatementSync;
  readonly #live: StatementSync;
  readonly #forgetSegment: StatementSync;
  readonly #at: StatementSync;

  constructor(database: DatabaseSync) {
    this.#head = database.prepare('select last_sequence, last_sha256, ended from sessions where session_id = ?');
    this.#dropped = database.prepare('select last_sequence, last_sha256, 1 as ended from dropped where session_id = ?');
    this.#add =
      database.prepare(`insert into chunks (session_id, first_sequence, last_sequence, sha256, segment, offset, length,
      stored_us) values (?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#advance = database.prepare(`update sessions set last_sequence = ?, last_sha256 = ?, chunks = chunks + 1,
      stored_bytes = stored_bytes + ?, last_event_us = max(last_event_us, ?), heard_us = ? where session_id = ?`);
    this.#examine = database.prepare(`insert into segments (segment, examined_bytes) values (?, ?)
      on conflict (segment) do update set examined_bytes = max(examined_bytes, excluded.examined_bytes)`);
    this.#examined = database.prepare('select examined_bytes from segments where segment = ?');
    this.#covering = database.prepare(`select ${COLUMNS} from chunks
      where session_id = ? and +first_sequence <= ? and last_sequence >= ? order by last_sequence`);
    this.#after = database.prepare(`select ${COLUMNS} from chunks where session_id = ? and last_sequence >= ?
      order by last_sequence limit ?`);
    this.#page = database.prepare(`select ${COLUMNS} from chunks where ordinal > ? order by ordinal limit ?`);
    this.#ofSegment = database.prepare(`select ${COLUMNS} from chunks where segment = ? order by offset`);
    this.#move = database.prepare('update chunks set segment = ?, offset = ? where ordinal = ?');
    this.#lastOrdinal = database.prepare('select coalesce(max(ordinal), 0) as ordinal from chunks');
    this.#live = database.prepare(
      'select coalesce(sum(length), 0) as bytes, count(*) as chunks from chunks where segment = ?',
    );
    this.#at = database.prepare('select 1 from chunks where segment = ? and length = ? and offset = ?');
    this.#forgetSegment = database.prepare('delete from segments where segment = ?');
  }

  /** Where the session's record ends; undefined when the store has none of it. */
  head(sessionId: string): Head | undefined {
    return headOf(this.#head.get(sessionId));
  }

  /** Where the record of a session ended that retention took away. */
  droppedHead(sessionId: string): Head | undefined {
    return headOf(this.#dropped.get(sessionId));
  }

  /** Records a chunk that is on disk, after its events were applied. */
  add(chunk: Omit<ChunkRow, 'ordinal'>, lastEventUs: number, storedUs: number): void {
    const { sessionId, firstSequence, lastSequence, sha256, place } = chunk;
    this.#add.run(sessionId, firstSequence, lastSequence, sha256, place.segment, place.offset, place.length, storedUs);
    this.#advance.run(lastSequence, sha256, place.length, lastEventUs, storedUs, sessionId);
  }

  /** All frames of the segment before `bytes` are indexed or known to be of no use. */
  markExamined(segment: number, bytes: number): void {
    this.#examine.run(segment, bytes);
  }

  examinedBytes(segment: number): number {
    const row = this.#examined.get(segment);
    return row === undefined ? 0 : integerOf(row, 'examined_bytes');
  }

  /** The session's chunks that hold any of the events from `first` to `last`. */
  covering(sessionId: string, first: number, last: number): ChunkRow[] {
    return this.#covering.all(sessionId, last, first).map(chunkOf);
  }

  /** The session's chunks that hold events from `fromSequence` on, at most `limit`. */
  from(sessionId: string, fromSequence: number, limit: number): ChunkRow[] {
    return this.#after.all(sessionId, fromSequence, limit).map(chunkOf);
  }

  /** Chunks of all sessions that were stored after `ordinal`, at most `limit`. */
  since(ordinal: number, limit: number): ChunkRow[] {
    return this.#page.all(ordinal, limit).map(chunkOf);
  }

  lastOrdinal(): number {
    const row = this.#lastOrdinal.get();
    return row === undefined ? 0 : integerOf(row, 'ordinal');
  }

  ofSegment(segment: number): ChunkRow[] {
    return this.#ofSegment.all(segment).map(chunkOf);
  }

  /** Whether a chunk stands there. */
  standsAt({ segment, offset, length }: SegmentPlace): boolean {
    return this.#at.get(segment, length, offset) !== undefined;
  }

  move(ordinal: number, place: SegmentPlace): void {
    this.#move.run(place.segment, place.offset, ordinal);
  }

  /** What of a segment is still in use. One segment at a time: a store may have millions of chunks. */
  live(segment: number): { readonly bytes: number; readonly chunks: number } {
    const row = this.#live.get(segment) ?? {};
    return { bytes: integerOf(row, 'bytes'), chunks: integerOf(row, 'chunks') };
  }

  forgetSegment(segment: number): void {
    this.#forgetSegment.run(segment);
  }
}

/** The last segment that the index knows of, whether its file is there or not; 0: none. */
export function lastSegmentIn(database: DatabaseSync): number {
  return integerOf(
    database.prepare('select coalesce(max(segment), 0) as segment from segments').get() ?? {},
    'segment',
  );
}

function headOf(row: Row | undefined): Head | undefined {
  if (row === undefined) return undefined;
  return {
    lastSequence: integerOf(row, 'last_sequence'),
    lastSha256: blobOf(row, 'last_sha256'),
    ended: booleanOf(row, 'ended'),
  };
}

function chunkOf(row: Row): ChunkRow {
  return {
    ordinal: integerOf(row, 'ordinal'),
    sessionId: textOf(row, 'session_id'),
    firstSequence: integerOf(row, 'first_sequence'),
    lastSequence: integerOf(row, 'last_sequence'),
    sha256: blobOf(row, 'sha256'),
    place: { segment: integerOf(row, 'segment'), offset: integerOf(row, 'offset'), length: integerOf(row, 'length') },
  };
}
