import { mkdirSync } from 'node:fs';
import { type Durability, type Fault, fail, ok, pause, type Result } from '@sidegate/crds';
import type { Opened, SessionEvent } from '@sidegate/session';
import type { Recorder, SessionRecord, Stored } from '../recorder.ts';
import { Gathering, type SpooledSession } from './gathering.ts';
import { readProgress, type SessionProgress } from './progress.ts';
import { type Leftovers, recoverSegments } from './recovery.ts';
import { SegmentWriter, type SpoolEnd } from './segment-writer.ts';
import { NODE_FILES, type SpoolFiles } from './spool-files.ts';
import { lockSpool, type SpoolLock } from './spool-lock.ts';
import { StoreWaits } from './store-waits.ts';
import { errorText } from './system-error.ts';

/** Limits of a spool. Bytes and milliseconds. */
export interface SpoolLimits {
  /** What all segments together may take. Above it commits fail until the store has taken something. Default 512 MiB. */
  readonly spoolBytesMax: number;
  /** A segment that has reached this is finished. Default 16 MiB. */
  readonly segmentBytesMax: number;
  /** A larger piece of an answer is recorded in several. Default 512 KiB. */
  readonly pieceBytesMax: number;
  /** How long to wait for another process to let go of the folder. Default 2 s. */
  readonly lockWaitMs: number;
  /** How long a Central commit waits for the store. Default 10 s. */
  readonly centralWaitMs: number;
  /** How often a full spool looks for room by itself. Default 200 ms. */
  readonly roomCheckMs: number;
}

export const SPOOL_LIMITS: SpoolLimits = {
  spoolBytesMax: 512 * 1024 * 1024,
  segmentBytesMax: 16 * 1024 * 1024,
  pieceBytesMax: 512 * 1024,
  lockWaitMs: 2000,
  centralWaitMs: 10_000,
  roomCheckMs: 200,
};

/** What takes the spool's segments to the store. */
export interface SpoolReader {
  /** Everything before `end` is written. `awaited`: somebody waits until the store has it. */
  advanced(end: SpoolEnd, awaited: boolean): void;
  /** Settles when the store has everything that was written, or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly folder: string;
  readonly gateId: string;
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  readonly limits: SpoolLimits;
  readonly files?: SpoolFiles;
}

export type SpoolOpenFault = Fault<'SpoolLocked' | 'SpoolBroken'>;

/**
 * Opens a spool folder for this process alone and ends the sessions that an earlier process left open. What `commit` said ok to
 * survives the process, however it ends; it does not survive the machine, for nothing here waits for the disk itself.
 */
export function openSpool(options: SpoolOptions): Result<Spool, SpoolOpenFault> {
  const { folder, limits } = options;
  let lock: SpoolLock | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const locked = lockSpool(folder, limits.lockWaitMs);
    if (!locked.ok) return locked;
    lock = locked.value;
    const progress = readProgress(folder);
    const spool = new Spool(options, lock, progress, recoverSegments(folder, progress, options.files));
    const closed = spool.closeLeftovers();
    if (closed.ok) return ok(spool);
    if (closed.fault.code === 'SpoolFull') {
      void spool.commitOnceThereIsRoom();
      return ok(spool);
    }
    lock.release();
    return fail({ ...closed.fault, code: 'SpoolBroken' });
  } catch (error) {
    lock?.release();
    return fail({
      code: 'SpoolBroken',
      message: `The spool folder cannot be used: ${errorText(error)}.`,
      where: folder,
    });
  }
}

/** The recorder: gathers events, and makes one synchronous append of them at each commit. */
export class Spool implements Recorder {
  readonly leftovers: Leftovers;
  readonly progress: Map<string, SessionProgress>;
  readonly waits: StoreWaits;
  readonly #options: SpoolOptions;
  readonly #lock: SpoolLock;
  readonly #writer: SegmentWriter;
  readonly #gathering = new Gathering();
  #reader: SpoolReader | undefined;
  #sessions = 0;
  /** Sessions whose end is gathered. */
  #ended: string[] = [];
  #faulted = false;
  readonly #closing = new AbortController();

  constructor(options: SpoolOptions, lock: SpoolLock, progress: Map<string, SessionProgress>, leftovers: Leftovers) {
    const { folder, gateId, limits } = options;
    this.#options = options;
    this.#lock = lock;
    this.progress = progress;
    this.leftovers = leftovers;
    this.waits = new StoreWaits(limits.centralWaitMs);
    const { spoolBytesMax, segmentBytesMax } = limits;
    const { lastSegment, bytes } = leftovers;
    const files = options.files ?? NODE_FILES;
    this.#writer = new SegmentWriter({
      folder,
      gateId,
      files,
      segmentBytesMax: Math.min(segmentBytesMax, Math.ceil(spoolBytesMax / 8)),
      spoolBytesMax,
      lastSegment,
      bytes,
    });
  }

  /** Bytes of all segments on disk. */
  get bytes(): number {
    return this.#writer.bytes;
  }

  get end(): SpoolEnd {
    return this.#writer.end;
  }

  /** From now on `reader` is told of every commit. */
  attach(reader: SpoolReader): void {
    this.#reader = reader;
    reader.advanced(this.#writer.end, false);
  }

  /** A segment of that many bytes was deleted. */
  removed(bytes: number): void {
    this.#writer.removed(bytes);
  }

  /** That segment cannot be read: what is written from now on goes to another. */
  unreadable(segment: number): void {
    if (segment !== this.#writer.end.segment) return;
    this.#writer.finishSegment();
    this.#reader?.advanced(this.#writer.end, false);
  }

  /** Writes a Closed for each session that an earlier process did not close. */
  closeLeftovers(): ReturnType<Recorder['commit']> {
    for (const { sessionId, lastSequence } of this.leftovers.openSessions) {
      const session = this.#session(sessionId, lastSequence, 'Spool');
      const reason = 'The gate ended without closing this session.';
      this.#append(session, { kind: 'Closed', atUs: this.#options.nowUs(), code: 'GateStopped', reason });
    }
    return this.commit();
  }

  /** What is gathered is written, also when nobody records anything any more. */
  async commitOnceThereIsRoom(): Promise<void> {
    const { signal } = this.#closing;
    do await this.roomAgain(signal);
    while (!signal.aborted && !this.commit().ok);
  }

  open(opened: Opened, durability: Durability): SessionRecord {
    const session = this.#session(opened.sessionId, 0, durability);
    this.waits.begin(opened.sessionId);
    this.#append(session, opened);
    return {
      sessionId: opened.sessionId,
      get stored() {
        return session.stored;
      },
      append: (event) => this.#append(session, event),
      require: (next) => {
        session.central = next === 'Central';
      },
    };
  }

  commit(): Result<void, Fault<'SpoolFull' | 'SpoolBroken'>> {
    if (this.#gathering.empty) {
      this.#faulted = false;
      return ok(undefined);
    }
    const number = this.#writer.end.segment;
    const written = this.#writer.write(this.#gathering.slices(number));
    this.#faulted = !written.ok;
    if (!written.ok) {
      // The segment may be finished now, and then it can be deleted.
      this.#reader?.advanced(this.#writer.end, false);
      return written;
    }
    const awaited = this.#gathering.clear(number);
    // The waits begin before the reader hears of it, or the answer could come first.
    for (const [session, sequence] of awaited) session.stored = this.#stored(session.sessionId, sequence);
    for (const sessionId of this.#ended) this.waits.forget(sessionId);
    this.#ended = [];
    this.#reader?.advanced(this.#writer.end, awaited.size > 0);
    return ok(undefined);
  }

  #stored(sessionId: string, sequence: number): Stored {
    if (this.#reader !== undefined) return this.waits.wait(sessionId, sequence);
    return Promise.resolve(fail({ code: 'StoreUnavailable', message: 'This gate has no store.' }));
  }

  async roomAgain(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    // Wait before the first look, too: a disk may have free space that is not for us, and then each try fails at once.
    do {
      await pause(this.#options.limits.roomCheckMs, signal);
    } while (!signal.aborted && !this.#writer.hasRoom(this.#gathering.bytes));
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing.abort();
    for (let last = this.commit(); !last.ok && !signal.aborted; last = this.commit()) {
      if (last.fault.code === 'SpoolBroken') break;
      await this.roomAgain(signal);
    }
    this.#writer.finishSegment();
    this.#reader?.advanced(this.#writer.end, false);
    await this.#reader?.drained(signal);
    this.waits.close();
    await this.#reader?.close();
    this.#lock.release();
  }

  #session(sessionId: string, sequence: number, durability: Durability): SpooledSession {
    this.#sessions += 1;
    return {
      sessionId,
      index: this.#sessions,
      sequence,
      introducedIn: 0,
      written: false,
      closed: false,
      central: durability === 'Central',
      stored: undefined,
    };
  }

  #append(session: SpooledSession, event: SessionEvent): void {
    if (session.closed) throw new Error('an event was recorded after Closed');
    if (event.kind === 'AnswerPart' || event.kind === 'InputPart') return this.#appendContent(session, event);
    this.#gathering.add(session, event);
    if (event.kind !== 'Closed') return;
    session.closed = true;
    // While the spool is full, connections come and are refused: what never happened must not pile up.
    if (this.#faulted && !session.written) {
      this.#gathering.discard(session);
      this.waits.forget(session.sessionId);
    } else {
      this.#ended.push(session.sessionId);
    }
  }

  #appendContent(session: SpooledSession, event: Extract<SessionEvent, { readonly bytes: Uint8Array }>): void {
    const { pieceBytesMax } = this.#options.limits;
    for (let at = 0; at === 0 || at < event.bytes.length; at += pieceBytesMax) {
      const whole = at === 0 && event.bytes.length <= pieceBytesMax;
      const bytes = event.bytes.subarray(at, at + pieceBytesMax);
      this.#gathering.add(session, whole ? event : { ...event, bytes });
    }
  }
}
