import { crc32 } from 'node:zlib';
import { type SessionEvent, WireBuffer, writeEvent } from '@sidegate/session';
import { FRAME_HEAD_BYTES, writeFrameHead } from './frame.ts';
import { EVENT_HEAD_BYTES, FLAG, sessionFrame, writeEventHead } from './segment.ts';

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
}

interface Piece {
  readonly session: SpooledSession;
  readonly sequence: number;
  readonly central: boolean;
  readonly start: number;
  readonly end: number;
  /** Content that follows in the file but was not copied. */
  readonly tail: Uint8Array | undefined;
}

const NOBODY: ReadonlyMap<string, number> = new Map();

/** Events as they will stand in the segment, kept until they are written. Large contents stay where they are. */
export class Gathering {
  readonly #out = new WireBuffer();
  #pieces: Piece[] = [];
  #tailBytes = 0;

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /** About what it will take in the file, without the introductions of sessions. */
  get bytes(): number {
    return this.#out.length + this.#tailBytes;
  }

  add(session: SpooledSession, event: SessionEvent): void {
    session.sequence += 1;
    const { sequence, central } = session;
    const out = this.#out;
    const start = out.skip(FRAME_HEAD_BYTES + EVENT_HEAD_BYTES);
    const tail = writeEvent(out, sequence, event);
    const bodyAt = start + FRAME_HEAD_BYTES;
    writeEventHead(out.bytes, bodyAt, flagsOf(event, central), session.index, sequence);
    const head = out.view(bodyAt);
    const sum = tail === undefined ? crc32(head) : crc32(tail, crc32(head));
    writeFrameHead(out.bytes, start, head.length + (tail?.length ?? 0), sum);
    this.#tailBytes += tail?.length ?? 0;
    this.#pieces.push({ session, sequence, central, start, end: out.length, tail });
  }

  /** Everything for one write, in order, after the introductions that segment `number` still needs. Views, good until `clear`. */
  slices(number: number): readonly Uint8Array[] {
    const slices: Uint8Array[] = [];
    let introduced: Set<SpooledSession> | undefined;
    let start = 0;
    let end = 0;
    for (const piece of this.#pieces) {
      const { session } = piece;
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

  /** All of it is written, in segment `number`. Returns the last event of each session that somebody waits for, by session id. */
  clear(number: number): ReadonlyMap<string, number> {
    let awaited: Map<string, number> | undefined;
    for (const { session, sequence, central } of this.#pieces) {
      session.introducedIn = number;
      session.written = true;
      if (!central) continue;
      awaited ??= new Map();
      awaited.set(session.sessionId, sequence);
    }
    this.#pieces = [];
    this.#tailBytes = 0;
    this.#out.clear();
    return awaited ?? NOBODY;
  }

  /** Nothing of `session` was ever written, and it is over: nothing was forwarded for it, so nothing of it must be kept. */
  discard(session: SpooledSession): void {
    for (const piece of this.#pieces) if (piece.session === session) this.#tailBytes -= piece.tail?.length ?? 0;
    this.#pieces = this.#pieces.filter((piece) => piece.session !== session);
    if (this.#pieces.length === 0) this.#out.clear();
  }
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
