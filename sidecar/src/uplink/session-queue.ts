import {
  decodeEvent,
  encodeEvent,
  GrowingPayload,
  type PayloadMemory,
  type SealedChunk,
  sealPayload,
  splitEvents,
} from '@sidegate/session';
import type { SessionProgress } from '../spool/progress.ts';
import { FLAG } from '../spool/segment.ts';

/** An event as it was read. */
export interface ReadEvent {
  readonly sequence: number;
  readonly flags: number;
  /** Encoded. */
  readonly event: Buffer;
}

/** One event on its way. */
interface QueuedEvent {
  readonly sequence: number;
  readonly flags: number;
  /** Where it begins and ends in the payload. */
  readonly from: number;
  readonly to: number;
}

/** Where the first bytes of a chunk come from and how large it may grow. */
export interface CutRules {
  readonly chunkBytesMax: number;
  readonly chunkWaitMs: number;
}

/**
 * What of one session was read from the spool and is not acknowledged. Events stay here until the store has them. One chunk at a
 * time is on its way, and once it may have been sent it is never cut otherwise, not even by the next process.
 */
export class SessionQueue {
  readonly sessionId: string;
  readonly gateId: string;
  readonly #payload: GrowingPayload;
  #events: QueuedEvent[] = [];
  #urgent = 0;
  #waitingSinceMs = 0;
  #acked: number;
  #lastRead: number;
  #sha256: Uint8Array | undefined;
  /** The last event of the chunk that may have been sent; 0: none. */
  #sealed: number;
  #refused: boolean;
  #letGo = false;
  /** The store has told where it stands. */
  #told = false;
  #closesRead: boolean;
  #chunk: SealedChunk | undefined;
  /** False while it is not known what the store has: an earlier process recorded it, or progress was lost, and the spool does not begin at the first event. */
  positioned = true;
  /** The chunk (or a question) is on the stream. */
  sent = false;
  /** Segments on disk in which the session appears. */
  segments = 0;
  /** The segment in which its first event was read; 0: in none. */
  openedIn = 0;

  constructor(sessionId: string, gateId: string, memory: PayloadMemory, progress?: SessionProgress) {
    this.sessionId = sessionId;
    this.#payload = new GrowingPayload(memory);
    this.gateId = progress?.gateId ?? gateId;
    this.#acked = progress?.acked ?? 0;
    this.#lastRead = this.#acked;
    this.#sha256 = progress === undefined || progress.sha256 === '' ? undefined : Buffer.from(progress.sha256, 'hex');
    this.#sealed = progress?.sealed ?? 0;
    this.#refused = progress?.refused ?? false;
    this.#closesRead = progress?.closed ?? false;
  }

  get acked(): number {
    return this.#acked;
  }

  /** Of the events that are held. */
  get bytes(): number {
    const [first] = this.#events;
    return first === undefined ? 0 : this.#payload.end - first.from;
  }

  get empty(): boolean {
    return this.#events.length === 0;
  }

  get refused(): boolean {
    return this.#refused;
  }

  /** What is not acknowledged is in the spool only. */
  get letGo(): boolean {
    return this.#letGo;
  }

  /** Closed is acknowledged: nothing can follow. */
  get finished(): boolean {
    return this.#closesRead && this.empty && !this.#letGo;
  }

  /** The next event that the store lacks is not here. */
  get gapped(): boolean {
    return (this.#events[0]?.sequence ?? 0) > this.#acked + 1;
  }

  get chunk(): SealedChunk | undefined {
    return this.#chunk;
  }

  /** Takes a copy of the next event from the spool; false when the store has it already, or it was read before. */
  add({ sequence, flags, event }: ReadEvent, nowMs: number): boolean {
    if ((flags & FLAG.Closes) !== 0) this.#closesRead = true;
    if (sequence <= this.#lastRead) return false;
    // Something between is neither here nor known to be acknowledged: only the store can tell, unless it has.
    if (sequence > this.#lastRead + 1 && !this.#told) this.positioned = false;
    this.#lastRead = sequence;
    if (this.#letGo) return true;
    if (this.empty) this.#waitingSinceMs = nowMs;
    const from = this.#payload.end;
    this.#payload.add(event);
    this.#events.push({ sequence, flags, from, to: this.#payload.end });
    if ((flags & FLAG.Urgent) !== 0) this.#urgent += 1;
    return true;
  }

  /** When a chunk should be cut, in the milliseconds of `add`: 0 at once, infinity never. */
  dueMs({ chunkBytesMax, chunkWaitMs }: CutRules): number {
    if (this.#chunk !== undefined || this.empty) return Number.POSITIVE_INFINITY;
    // The end of a chunk that may have been sent is still to be read. A session of an ended process always ends in Closed.
    if (this.#sealed > this.#lastRead && !this.#closesRead) return Number.POSITIVE_INFINITY;
    if (this.#urgent > 0 || this.#sealed > 0 || !this.positioned || this.bytes >= chunkBytesMax) return 0;
    return this.#waitingSinceMs + chunkWaitMs;
  }

  /** Makes the next chunk. Throws when one is on its way or there is nothing to send. */
  cut({ chunkBytesMax }: CutRules): SealedChunk {
    const [first] = this.#events;
    if (first === undefined || this.#chunk !== undefined) throw new Error('there is nothing to cut a chunk from');
    const any = Number.POSITIVE_INFINITY;
    const last =
      this.#sealed > 0 ? this.#lastOfRun(first, this.#sealed, any) : this.#lastOfRun(first, any, chunkBytesMax);
    this.#chunk = sealPayload({
      sessionId: this.sessionId,
      gateId: this.gateId,
      firstSequence: first.sequence,
      lastSequence: last.sequence,
      previousSha256: this.#sha256,
      opens: (first.flags & FLAG.Opens) !== 0,
      closes: (last.flags & FLAG.Closes) !== 0,
      payload: this.#payload.view(first.from, last.to),
    });
    this.#sealed = last.sequence;
    return this.#chunk;
  }

  /**
   * The store has everything up to `sequence`, and its record ends with the chunk `sha256`. `ended`: with Closed; where it does not, and ours is among what
   * the store has by its number, the store has what a machine that stopped lost of its spool, and the session ends behind that. True when somebody waits for
   * what is stored.
   */
  acknowledge(sequence: number, sha256: Uint8Array, ended?: boolean): boolean {
    const end = ended === false ? this.#endUpTo(sequence) : undefined;
    const count = this.#events.findIndex((event) => event.sequence > sequence);
    const done = this.#events.splice(0, count < 0 ? this.#events.length : count);
    let central = false;
    for (const { flags } of done) {
      if ((flags & FLAG.Urgent) !== 0) this.#urgent -= 1;
      if ((flags & FLAG.Central) !== 0) central = true;
    }
    this.#payload.letGoBefore(this.#events[0]?.from ?? this.#payload.end);
    // A chunk that may have been sent, and that the store does not have, is made the same again.
    if (sequence !== this.#acked) this.#sealed = 0;
    this.#acked = Math.max(this.#acked, sequence);
    this.#lastRead = Math.max(this.#lastRead, sequence);
    this.#sha256 = sha256.length === 0 ? undefined : sha256;
    this.#chunk = undefined;
    this.#told = true;
    this.sent = false;
    this.positioned = true;
    if (end !== undefined) this.add({ ...end, sequence: sequence + 1, event: renumbered(end.event, sequence + 1) }, 0);
    return central;
  }

  /** Closed, where it is held and its number is no more than `sequence`. */
  #endUpTo(sequence: number): Omit<ReadEvent, 'sequence'> | undefined {
    const last = this.#events.at(-1);
    if (last === undefined || last.sequence > sequence || (last.flags & FLAG.Closes) === 0) return undefined;
    const [event] = splitEvents(this.#payload.view(last.from, last.to)) ?? [];
    return event === undefined ? undefined : { flags: last.flags, event: Buffer.from(event) };
  }

  /** Nothing more of it goes to the store. */
  refuse(): void {
    this.#refused = true;
    this.sent = false;
  }

  /** It cannot go, and nowhere but in the spool is there room for it: from now on it takes no memory. */
  letGoOfEvents(): void {
    this.#letGo = true;
    this.#events = [];
    this.#payload.letGoBefore(this.#payload.end);
    this.#urgent = 0;
    this.#chunk = undefined;
  }

  /** All segments are read again: what is here without a gap stays, and what follows is taken once more. */
  takeUp(): void {
    this.#letGo = false;
    if (this.#events.length === this.#lastRead - this.#acked) return;
    const [first] = this.#events;
    const any = Number.POSITIVE_INFINITY;
    const kept = first?.sequence === this.#acked + 1 ? this.#lastOfRun(first, any, any) : undefined;
    this.#lastRead = kept?.sequence ?? this.#acked;
    this.#closesRead = false;
    for (const { flags } of this.#events.splice(this.#lastRead - this.#acked)) {
      if ((flags & FLAG.Urgent) !== 0) this.#urgent -= 1;
    }
    this.#payload.letGoAfter(kept?.to ?? first?.from ?? this.#payload.end);
  }

  progress(): SessionProgress {
    return {
      sessionId: this.sessionId,
      gateId: this.gateId,
      acked: this.#acked,
      sha256: this.#sha256 === undefined ? '' : Buffer.from(this.#sha256).toString('hex'),
      sealed: this.#sealed,
      closed: this.finished,
      refused: this.#refused,
    };
  }

  /** The last of a run without a gap that begins with `first`, up to that number and of at most that many bytes. */
  #lastOfRun(first: QueuedEvent, sequenceMax: number, bytesMax: number): QueuedEvent {
    let last = first;
    for (const event of this.#events) {
      if (event === first) continue;
      if (event.sequence !== last.sequence + 1 || event.sequence > sequenceMax) break;
      if (event.to - first.from > bytesMax) break;
      last = event;
    }
    return last;
  }
}

/** The event with another number. Throws when it is none: nothing else is in a spool. */
function renumbered(event: Uint8Array, sequence: number): Buffer {
  const decoded = decodeEvent(event);
  if (!decoded.ok) throw new Error(decoded.fault.message);
  return Buffer.from(encodeEvent(sequence, decoded.value.event));
}
