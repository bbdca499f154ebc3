import { ByteQueue } from './byte-queue.ts';

/** Room of the gate's own is granted in so many steps. */
const ROOM_STEPS = 8;

/** One piece of a channel's data on its way. */
export interface Piece {
  readonly isStderr: boolean;
  readonly data: Uint8Array;
  /** What the record shows, when that is something else. */
  readonly recorded: Uint8Array;
  /** What keeps its place behind the data before it: an end, a status. */
  readonly atItsTurn?: () => void;
  /** Sends it, in its frame and as the record shows it, where a channel runs more than one thing. */
  readonly leave?: (bytes: Uint8Array, recorded: Uint8Array) => void;
}

/** From so many bytes on a piece costs little more than they do, and goes on as it came: joining would copy all that passes. */
const PIECE_BYTES_MIN = 512;

/** Small neighbouring pieces that differ in nothing: where they were cut says nothing, and a sender may cut them into single bytes. */
interface Run {
  readonly isStderr: boolean;
  readonly bytes: ByteQueue;
}

/**
 * One direction of one channel (RFC 4254, section 5.2). The sender is granted what its receiver takes and no more, so the gate keeps next to nothing:
 * only what its own lines, or masks that make text longer, displace.
 */
export class Flow {
  /** What the receiver still takes, in bytes. */
  #window: number;
  /** What the sender may still send, in bytes. */
  #granted: number;
  readonly #packetMax: number;
  #queue: (Piece | Run)[] = [];
  #queued = 0;
  #room = 0;

  constructor(window: number, packetMax: number) {
    this.#window = window;
    this.#granted = window;
    this.#packetMax = packetMax;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** How much waits, in bytes. */
  get queued(): number {
    return this.#queued;
  }

  /** The gate itself takes so many bytes, whatever the receiver takes: it must have a packet whole before it can send it on. */
  set room(bytes: number) {
    this.#room = bytes;
  }

  /** The sender has sent so much; false: more than it was granted. */
  take(bytes: number): boolean {
    if (bytes > this.#granted) return false;
    this.#granted -= bytes;
    return true;
  }

  widen(bytes: number): void {
    this.#window = Math.min(this.#window + bytes, 0xffffffff);
  }

  push(piece: Piece): void {
    const { isStderr, data, recorded, atItsTurn, leave } = piece;
    if (data.length === 0 && recorded.length === 0 && atItsTurn === undefined) return;
    this.#queued += data.length;
    const isOwn = recorded !== data || atItsTurn !== undefined || leave !== undefined;
    if (isOwn || data.length >= PIECE_BYTES_MIN) return void this.#queue.push(piece);
    let last = this.#queue.at(-1);
    if (last === undefined || !('bytes' in last) || last.isStderr !== isStderr) {
      last = { isStderr, bytes: new ByteQueue() };
      this.#queue.push(last);
    }
    last.bytes.push(data);
  }

  /** The next piece that the receiver takes now, cut to its packets; undefined: none, or it must take more first. */
  next(): Piece | undefined {
    const [first] = this.#queue;
    if (first === undefined) return undefined;
    const room = Math.min(this.#window, this.#packetMax);
    if ('bytes' in first) return room === 0 ? undefined : this.#nextOf(first, room);
    if (room === 0 && first.data.length > 0) return undefined;
    const { data, recorded, ...rest } = first;
    if (first.atItsTurn !== undefined) {
      this.#queue.shift();
      return first;
    }
    const isWhole = data.length <= room;
    const sent = isWhole ? data : data.subarray(0, room);
    this.#take(sent.length);
    if (isWhole) this.#queue.shift();
    else {
      const same = recorded === data;
      const later = data.subarray(room);
      this.#queue[0] = { ...rest, data: later, recorded: same ? later : new Uint8Array(0) };
      return { ...rest, data: sent, recorded: same ? sent : recorded };
    }
    return { ...rest, data: sent, recorded: recorded === data ? sent : recorded };
  }

  #nextOf({ isStderr, bytes }: Run, room: number): Piece {
    const data = bytes.take(room);
    this.#take(data.length);
    if (bytes.length === 0) this.#queue.shift();
    return { isStderr, data, recorded: data };
  }

  #take(bytes: number): void {
    this.#window -= bytes;
    this.#queued -= bytes;
  }

  /** What the sender may be granted now; counts as granted. `kept`: what the gate has of it and did not queue, in bytes. */
  grant(kept = 0): number {
    const more = Math.max(this.#window, this.#room) - this.#queued - this.#granted - kept;
    // Where the gate has room of its own it does not grant every few bytes.
    if (more <= this.#room / ROOM_STEPS) return 0;
    this.#granted += more;
    return more;
  }

  /** All that waits, whatever the receiver takes. */
  takeAll(): readonly Piece[] {
    const queue = this.#queue;
    this.drop();
    return queue.map((one) => ('bytes' in one ? pieceOf(one) : one));
  }

  /** The receiver takes no more data: of what waits only ends and statuses are sent. */
  dropData(): void {
    this.#queue = this.#queue.filter((one) => 'atItsTurn' in one && one.atItsTurn !== undefined);
    this.#queued = 0;
  }

  /** Nothing that waits is sent any more. */
  drop(): void {
    this.#queue = [];
    this.#queued = 0;
  }
}

function pieceOf({ isStderr, bytes }: Run): Piece {
  const data = bytes.take(bytes.length);
  return { isStderr, data, recorded: data };
}
