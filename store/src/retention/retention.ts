import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { AlarmTable } from '../index/alarm-table.ts';
import type { ChunkTable } from '../index/chunk-table.ts';
import { transact } from '../index/index-database.ts';
import type { RetentionTable } from '../index/retention-table.ts';
import type { TailTable } from '../index/tail-table.ts';
import type { StoreMetrics } from '../metrics.ts';
import { FRAME_HEADER_BYTES } from '../segments/frame.ts';
import type { SegmentLog } from '../segments/segment-log.ts';

export interface RetentionLimits {
  /** Closed sessions of which nothing came for longer go, by the store's own clock; 0: no limit. */
  readonly ageMaxMs: number;
  /** Segment files together stay at or under this; 0: no limit. */
  readonly bytesMax: number;
  /** An open session whose gate was not heard for longer is marked; its tail is unknown. */
  readonly silenceMs: number;
}

export interface RetentionParts {
  readonly database: DatabaseSync;
  readonly segments: SegmentLog;
  readonly chunks: ChunkTable;
  readonly sessions: RetentionTable;
  readonly tails: TailTable;
  readonly alarms: AlarmTable;
  readonly metrics: StoreMetrics;
  readonly nowUs: Clock;
  /** Gates that have a stream open now. */
  readonly present: (gate: string) => boolean;
}

/** Sessions taken away in one commit. */
const PAGE = 64;

/** Commands of sessions that are gone, deleted in one commit: some 10 ms, in which the store does nothing else. */
const CLEARED_AT_ONCE = 1000;

/** This part of the size limit is kept free, so that not every chunk has to wait for room. */
const HEADROOM = 0.05;

/** Chunks copied with one fsync when a segment is rewritten. */
const COPY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Keeps the store within its limits. Only whole, closed sessions go, the ones that came first before others; an open session is
 * never touched, however old and large it is.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #limits: RetentionLimits;
  #running: Promise<void> = Promise.resolve();
  #room: Promise<void> | undefined;
  #over = false;

  constructor(parts: RetentionParts, limits: RetentionLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /** One pass: marks unknown tails, drops what is too old or too much, gives the space back. Passes run one after another. */
  pass(): Promise<void> {
    return this.#queue(() => this.#pass(0));
  }

  /** A pass because `bytes` more do not fit. While one runs or waits, it is the answer to all who ask. */
  makeRoom(bytes: number): Promise<void> {
    this.#room ??= this.#queue(() => this.#pass(bytes)).finally(() => {
      this.#room = undefined;
    });
    return this.#room;
  }

  /** Settles when no pass runs. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** A pass that runs ends where it is; what it has left to do is found again by the next start. Settles when none runs. */
  end(): Promise<void> {
    this.#over = true;
    return this.idle();
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#running.then(work);
    this.#running = done.catch(() => undefined);
    return done;
  }

  async #pass(bytesWanted: number): Promise<void> {
    this.#markSilent();
    const { ageMaxMs, bytesMax } = this.#limits;
    const nowUs = this.#parts.nowUs();
    if (ageMaxMs > 0) await this.#drop(nowUs - ageMaxMs * 1000, Number.POSITIVE_INFINITY);
    if (bytesMax > 0) {
      const wanted = Math.max(bytesWanted, bytesMax * HEADROOM);
      const excess = (await this.#liveBytes()) + wanted - bytesMax;
      if (excess > 0) await this.#drop(Number.MAX_SAFE_INTEGER, excess);
    }
    await this.#compact();
    await this.#clear();
  }

  #markSilent(): void {
    const { tails, alarms, nowUs, present, database, metrics } = this.#parts;
    const now = nowUs();
    for (const session of tails.silent(now - this.#limits.silenceMs * 1000)) {
      if (present(session.gate)) continue;
      const text = `Gate ${session.gate} was not heard for ${Math.floor((now - session.heardUs) / 1_000_000)} s.`;
      transact(database, () => {
        tails.markUnknown(session.sessionId, text);
        const { sessionId, lastSequence: sequence } = session;
        if (alarms.raise({ atUs: now, kind: 'TailUnknown', sessionId, sequence, text, evidence: '' })) {
          metrics.alarms.inc({ kind: 'TailUnknown' });
        }
      });
    }
  }

  async #liveBytes(): Promise<number> {
    let sum = 0;
    for (const { segment } of this.#parts.segments.segments) {
      sum += this.#used(segment);
      await setImmediate();
    }
    return sum;
  }

  /** Of a segment, with the frames of what is in use. */
  #used(segment: number): number {
    const { bytes, chunks } = this.#parts.chunks.live(segment);
    return bytes + chunks * FRAME_HEADER_BYTES;
  }

  /** Drops closed sessions whose last chunk came before `beforeUs`, oldest first, until `bytes` are given up. */
  async #drop(beforeUs: number, bytes: number): Promise<void> {
    const { sessions, database, nowUs, metrics } = this.#parts;
    let given = 0;
    while (given < bytes && !this.#over) {
      const page = sessions.ended(beforeUs, PAGE);
      if (page.length === 0) return;
      given += transact(database, () => {
        let freed = 0;
        for (const { sessionId, storedBytes } of page) {
          if (given + freed >= bytes) break;
          sessions.drop(sessionId, nowUs());
          metrics.droppedSessions.inc();
          freed += storedBytes;
        }
        return freed;
      });
      await setImmediate();
    }
  }

  /** Deletes what the index still has of sessions that are gone, part by part: one may have millions of commands, and gates wait meanwhile. */
  async #clear(): Promise<void> {
    const { sessions, database } = this.#parts;
    const part = async (work: () => boolean): Promise<boolean> => {
      if (this.#over || !transact(database, work, 'Rebuildable')) return false;
      await setImmediate();
      return true;
    };
    while (await part(() => sessions.clear(CLEARED_AT_ONCE)));
    if (!sessions.isMergeDue()) return;
    for (let begins = true; await part(() => sessions.merge(begins)); begins = false);
  }

  /** Removes segments of which nothing is in use, and rewrites those of which a part is not. */
  async #compact(): Promise<void> {
    const { segments, chunks } = this.#parts;
    const { current } = segments;
    if (segments.segments.some(({ segment, bytes }) => segment === current && this.#used(segment) < bytes)) {
      await segments.seal();
    }
    for (const { segment, bytes } of segments.segments) {
      await setImmediate();
      if (this.#over) return;
      if (segment === segments.current) continue;
      const used = this.#used(segment);
      if (used >= bytes || (used > 0 && !(await this.#moveOut(segment)))) continue;
      await segments.remove(segment);
      chunks.forgetSegment(segment);
    }
  }

  /** Copies what is in use to the end of the log. False: the disk did not take it, or it cannot be read; then the segment stays. */
  async #moveOut(segment: number): Promise<boolean> {
    const { segments, chunks, database } = this.#parts;
    for (;;) {
      const rows = chunks.ofSegment(segment);
      const batch: { readonly ordinal: number; readonly body: Uint8Array }[] = [];
      let bytes = 0;
      for (const { ordinal, place } of rows) {
        if (bytes >= COPY_BYTES_MAX) break;
        const body = segments.read(place);
        if (!body.ok) return false;
        batch.push({ ordinal, body: body.value });
        bytes += body.value.length;
      }
      if (batch.length === 0) return true;
      const written = await segments.append(batch.map(({ body }) => body));
      if (!written.ok) return false;
      transact(database, () => {
        for (const [position, { ordinal }] of batch.entries()) {
          const place = written.value[position];
          if (place === undefined) throw new Error('a chunk was written nowhere');
          chunks.move(ordinal, place);
          chunks.markExamined(place.segment, place.offset + FRAME_HEADER_BYTES + place.length);
        }
      });
    }
  }
}
