/** So much of a session counts for nothing: what waits of ordinary traffic. */
const FREE_BYTES = 1024 * 1024;
/** The part of a machine's, or a container's, memory that may be held: what is made of a large command on its way takes several times its size. */
const SHARE_OF_MEMORY = 1 / 8;

/** What all sessions of a gate together may hold, in bytes, on a machine or in a container with so much memory. */
export function heldBytesMax(memoryBytes: number): number {
  return Math.floor(memoryBytes * SHARE_OF_MEMORY);
}

/**
 * What sessions hold in memory of commands and answers that are not whole yet or must wait. One agent that sends as much as it can must not end a
 * gate that others use, so the sum has a bound, and no session has more than half of it.
 */
export class HeldBytes {
  readonly max: number;
  readonly #of = new Map<object, number>();
  #sum = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** So much it holds now; false when that is too much. */
  set(session: object, bytes: number): boolean {
    const before = this.#of.get(session) ?? 0;
    const counted = bytes > FREE_BYTES ? bytes : 0;
    if (counted === before) return true;
    this.#sum += counted - before;
    if (counted === 0) this.#of.delete(session);
    else this.#of.set(session, counted);
    return counted < before || (this.#sum <= this.max && counted <= this.max / 2);
  }

  /** The session is over. */
  end(session: object): void {
    this.set(session, 0);
  }
}
