import { crc32 } from 'node:zlib';
import { isLarge, type SessionEvent, WireBuffer, writeEvent } from '@sidegate/session';
import type { Stored } from '../recorder.ts';
import { FRAME_HEAD_BYTES, writeFrameHead } from './frame.ts';
import {
  EVENT_HEAD_BYTES,
  FLAG,
  RUN_EVENT_HEAD_BYTES,
  RUN_HEAD_BYTES,
  sessionFrame,
  writeEventHead,
  writeRunEventHead,
  writeRunHead,
} from './segment.ts';

/** What the spool knows of a session that is open. */
export interface SpooledSession {
  readonly sessionId: string;
  /** Its name inside the segments of this process. */
  readonly index: number;
  /** Of the last event that was gathered. */
  sequence: number;
  /** The segment in which it was introduced last; 0: none. */
  introducedIn: number;
  /** Something of it was written. */
  written: boolean;
  closed: boolean;
  central: boolean;
  /** What the store makes of all that was written of it while it was Central; undefined: nothing was. */
  stored: Stored | undefined;
}

/** One frame: a run of events, or one event whose content follows it in the file. */
interface Piece {
  readonly session: SpooledSession;
  readonly central: boolean;
  start: number;
  /** Content that follows in the file but was not copied. */
  readonly tail: Uint8Array | undefined;
  /** Of its last event. */
  sequence: number;
  end: number;
}

/** A run that has reached this takes no more events. */
const RUN_BYTES_MAX = 64 * 1024;

const NOBODY: ReadonlyMap<SpooledSession, number> = new Map();

/** Events as they will stand in the segment, kept until they are written. Large contents stay where they are. */
export class Gathering {
  readonly #out = new WireBuffer();
  #pieces: Piece[] = [];
  #tailBytes = 0;
  /** The last piece, while it can take more events of its session. */
  #run: Piece | undefined;

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /** About what it will take in the file, without the introductions of sessions. */
  get bytes(): number {
    return this.#out.length + this.#tailBytes;
  }

  add(session: SpooledSession, event: SessionEvent): void {
    session.sequence += 1;
    if (isContent(event) && isLarge(event.bytes)) this.#addAlone(session, event);
    else this.#addToRun(session, event);
  }

  #addToRun(session: SpooledSession, event: SessionEvent): void {
    const { sequence, central } = session;
    const out = this.#out;
    let run = this.#run;
    if (run?.session !== session || run.central !== central || run.end - run.start >= RUN_BYTES_MAX) {
      const start = out.skip(FRAME_HEAD_BYTES + RUN_HEAD_BYTES);
      writeRunHead(out.bytes, start + FRAME_HEAD_BYTES, session.index, sequence);
      run = { session, central, start, tail: undefined, sequence, end: 0 };
      this.#run = run;
      this.#pieces.push(run);
    }
    const headAt = out.skip(RUN_EVENT_HEAD_BYTES);
    const eventAt = out.length;
    writeEvent(out, sequence, event);
    writeRunEventHead(out.bytes, headAt, flagsOf(event, central), out.length - eventAt);
    run.sequence = sequence;
    run.end = out.length;
  }

  #addAlone(session: SpooledSession, event: SessionEvent): void {
    const { sequence, central } = session;
    const out = this.#out;
    const start = out.skip(FRAME_HEAD_BYTES + EVENT_HEAD_BYTES);
    const tail = writeEvent(out, sequence, event);
    writeEventHead(out.bytes, start + FRAME_HEAD_BYTES, flagsOf(event, central), session.index, sequence);
    this.#tailBytes += tail?.length ?? 0;
    this.#run = undefined;
    this.#pieces.push({ session, central, start, tail, sequence, end: out.length });
  }

  /** Everything for one write, in order, after the introductions that segment `number` still needs. Views, good until `clear`. */
  slices(number: number): readonly Uint8Array[] {
    const slices: Uint8Array[] = [];
    let introduced: Set<SpooledSession> | undefined;
    let start = 0;
    let end = 0;
    for (const piece of this.#pieces) {
      const { session } = piece;
      this.#finishFrame(piece);
      if (session.introducedIn !== number && introduced?.has(session) !== true) {
        introduced ??= new Set();
        introduced.add(session);
        slices.push(sessionFrame(session.index, session.sessionId));
      }
      if (piece.start !== end) {
        if (end > start) slices.push(this.#out.view(start, end));
        start = piece.start;
      }
      end = piece.end;
      if (piece.tail !== undefined) {
        slices.push(this.#out.view(start, end), piece.tail);
        start = end;
      }
    }
    if (end > start) slices.push(this.#out.view(start, end));
    return slices;
  }

  /** Only now is it known that no event is added to the frame. */
  #finishFrame({ start, end, tail }: Piece): void {
    const body = this.#out.view(start + FRAME_HEAD_BYTES, end);
    const sum = tail === undefined ? crc32(body) : crc32(tail, crc32(body));
    writeFrameHead(this.#out.bytes, start, body.length + (tail?.length ?? 0), sum);
  }

  /** All of it is written, in segment `number`. Returns the last event of each session that somebody waits for. */
  clear(number: number): ReadonlyMap<SpooledSession, number> {
    let awaited: Map<SpooledSession, number> | undefined;
    for (const { session, sequence, central } of this.#pieces) {
      session.introducedIn = number;
      session.written = true;
      if (!central) continue;
      awaited ??= new Map();
      awaited.set(session, sequence);
    }
    this.#pieces = [];
    this.#run = undefined;
    this.#tailBytes = 0;
    this.#out.clear();
    return awaited ?? NOBODY;
  }

  /** Nothing of `session` was ever written, and it is over: nothing was forwarded for it, so nothing of it must be kept. */
  discard(session: SpooledSession): void {
    const { bytes } = this.#out;
    const kept: Piece[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      if (piece.session === session) {
        this.#tailBytes -= piece.tail?.length ?? 0;
        continue;
      }
      // Moved to where the one before ends: what is gone must not take memory for as long as the spool is full.
      if (piece.start !== at) bytes.copyWithin(at, piece.start, piece.end);
      piece.end += at - piece.start;
      piece.start = at;
      at = piece.end;
      kept.push(piece);
    }
    this.#out.length = at;
    this.#pieces = kept;
    this.#run = undefined;
  }
}

type Content = Extract<SessionEvent, { readonly bytes: Uint8Array }>;

function isContent(event: SessionEvent): event is Content {
  return event.kind === 'AnswerPart' || event.kind === 'InputPart';
}

function flagsOf(event: SessionEvent, central: boolean): number {
  const base = central ? FLAG.Central | FLAG.Urgent : 0;
  switch (event.kind) {
    case 'Opened':
      return base | FLAG.Opens | FLAG.Urgent;
    case 'Closed':
      return base | FLAG.Closes | FLAG.Urgent;
    case 'AnswerPart':
    case 'InputPart':
    case 'CommandFinished':
      return base;
    default:
      return base | FLAG.Urgent;
  }
}
