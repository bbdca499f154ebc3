/** One piece of a channel's data on its way. */
export interface Piece {
  readonly isStderr: boolean;
  readonly data: Uint8Array;
  /** What the record shows, when that is something else. */
  readonly recorded: Uint8Array;
  /** What keeps its place behind the data before it: an end, a status. */
  readonly atItsTurn?: () => void;
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
  #queue: Piece[] = [];
  #queued = 0;

  constructor(window: number, packetMax: number) {
    this.#window = window;
    this.#granted = window;
    this.#packetMax = packetMax;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
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
    if (piece.data.length === 0 && piece.recorded.length === 0 && piece.atItsTurn === undefined) return;
    this.#queue.push(piece);
    this.#queued += piece.data.length;
  }

  /** The next piece that the receiver takes now, cut to its packets; undefined: none, or it must take more first. */
  next(): Piece | undefined {
    const [first] = this.#queue;
    if (first === undefined) return undefined;
    const room = Math.min(this.#window, this.#packetMax);
    if (room === 0 && first.data.length > 0) return undefined;
    const { isStderr, data, recorded } = first;
    if (first.atItsTurn !== undefined) return this.#queue.shift();
    const isWhole = data.length <= room;
    const sent = isWhole ? data : data.subarray(0, room);
    this.#window -= sent.length;
    this.#queued -= sent.length;
    if (isWhole) this.#queue.shift();
    else {
      const same = recorded === data;
      const rest = data.subarray(room);
      this.#queue[0] = { isStderr, data: rest, recorded: same ? rest : new Uint8Array(0) };
      return { isStderr, data: sent, recorded: same ? sent : recorded };
    }
    return { isStderr, data: sent, recorded: recorded === data ? sent : recorded };
  }

  /** What the sender may be granted now; counts as granted. */
  grant(): number {
    const more = this.#window - this.#queued - this.#granted;
    if (more <= 0) return 0;
    this.#granted += more;
    return more;
  }

  /** Nothing that waits is sent any more. */
  drop(): void {
    this.#queue = [];
    this.#queued = 0;
  }
}
