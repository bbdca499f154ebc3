import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { frameOf } from './frame.ts';

/**
 * A segment is one file of the spool: a row of frames. The first one names the segment; then come events of many sessions as they
 * happened, those that one session gathered in one turn as a run in one frame. Each session is introduced once in each segment, so that a segment can be read without the ones before it.
 */
export type SegmentEntry =
  | { readonly kind: 'Head'; readonly gateId: string }
  | { readonly kind: 'Session'; readonly index: number; readonly sessionId: string }
  | {
      readonly kind: 'Event';
      /** Of the session, in this segment. */
      readonly index: number;
      readonly sequence: number;
      readonly flags: number;
      /** Encoded. A view of what was read. */
      readonly event: Buffer;
    };

const HEAD = 1;
const SESSION = 2;
const EVENT = 3;
const EVENTS = 4;
const FORMAT = 1;

/** Bytes of an event's body before the event: kind, flags, index, sequence. */
export const EVENT_HEAD_BYTES = 12;

/** Bytes of a run's body before its first event (kind, index, the first sequence), and before each event (flags, length). */
export const RUN_HEAD_BYTES = 11;
export const RUN_EVENT_HEAD_BYTES = 5;

/** What the reader of a segment must know of an event without decoding it. */
export const FLAG = {
  /** It is Opened. */
  Opens: 1,
  /** It is Closed. */
  Closes: 2,
  /** It should leave at once. */
  Urgent: 4,
  /** Somebody waits until the store has it. */
  Central: 8,
} as const;

/** `00000012.spool` for 12. */
export function segmentName(number: number): string {
  return `${number.toString().padStart(8, '0')}.spool`;
}

/** The number in a segment's name, or undefined when it is no segment. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^(\d{8,})\.spool$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function headFrame(gateId: string): Buffer {
  return frameOf(Buffer.concat([Buffer.from([HEAD, FORMAT]), Buffer.from(gateId, 'utf8')]));
}

export function sessionFrame(index: number, sessionId: string): Buffer {
  const head = Buffer.alloc(5);
  head[0] = SESSION;
  head.writeUInt32BE(index, 1);
  return frameOf(Buffer.concat([head, Buffer.from(sessionId, 'utf8')]));
}

export function writeEventHead(target: Buffer, at: number, flags: number, index: number, sequence: number): void {
  target[at] = EVENT;
  target[at + 1] = flags;
  target.writeUInt32BE(index, at + 2);
  target.writeUIntBE(sequence, at + 6, 6);
}

/** A run is one frame with events of one session that follow one another. */
export function writeRunHead(target: Buffer, at: number, index: number, firstSequence: number): void {
  target[at] = EVENTS;
  target.writeUInt32BE(index, at + 1);
  target.writeUIntBE(firstSequence, at + 5, 6);
}

export function writeRunEventHead(target: Buffer, at: number, flags: number, length: number): void {
  target[at] = flags;
  target.writeUInt32BE(length, at + 1);
}

/** Takes the events of a run apart, one by one. */
export class RunReader {
  readonly #body: Buffer;
  readonly #index: number;
  #sequence: number;
  #at = RUN_HEAD_BYTES;

  /** Undefined: the body is not that of a run. */
  static open(body: Buffer): RunReader | undefined {
    return body[0] === EVENTS && body.length >= RUN_HEAD_BYTES + RUN_EVENT_HEAD_BYTES ? new RunReader(body) : undefined;
  }

  private constructor(body: Buffer) {
    this.#body = body;
    this.#index = body.readUInt32BE(1);
    this.#sequence = body.readUIntBE(5, 6);
  }

  get isOver(): boolean {
    return this.#at >= this.#body.length;
  }

  /** Undefined: what is left is no event. */
  next(): Extract<SegmentEntry, { readonly kind: 'Event' }> | undefined {
    const start = this.#at + RUN_EVENT_HEAD_BYTES;
    if (start > this.#body.length) return undefined;
    const end = start + this.#body.readUInt32BE(this.#at + 1);
    if (end > this.#body.length) return undefined;
    const flags = this.#body[this.#at] ?? 0;
    this.#at = end;
    return {
      kind: 'Event',
      index: this.#index,
      sequence: this.#sequence++,
      flags,
      event: this.#body.subarray(start, end),
    };
  }
}

/** Reads one frame's body. A fault means that a newer version, or somebody else, wrote it. */
export function readEntry(body: Buffer): Result<SegmentEntry, Fault<'SpoolForeign'>> {
  const kind = body[0];
  if (kind === HEAD && body[1] === FORMAT) {
    return ok({ kind: 'Head', gateId: body.toString('utf8', 2) });
  }
  if (kind === SESSION && body.length >= 5) {
    return ok({ kind: 'Session', index: body.readUInt32BE(1), sessionId: body.toString('utf8', 5) });
  }
  if (kind === EVENT && body.length >= EVENT_HEAD_BYTES) {
    return ok({
      kind: 'Event',
      flags: body[1] ?? 0,
      index: body.readUInt32BE(2),
      sequence: body.readUIntBE(6, 6),
      event: body.subarray(EVENT_HEAD_BYTES),
    });
  }
  return fail({ code: 'SpoolForeign', message: 'The spool holds an entry that this version cannot read.' });
}
