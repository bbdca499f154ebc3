/** More pieces than this are joined: each has a cost besides its bytes. */
const PIECES_MAX = 1_024;
const NOTHING = new Uint8Array(0);

/** Bytes that come in pieces and are taken in others. Copied is only what is taken over the border of two pieces. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** How much of the first piece is taken. */
  #at = 0;
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#pieces.length === PIECES_MAX) this.#join();
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** Takes so many of the first bytes, at most all. */
  take(count: number): Uint8Array {
    const taken = this.peek(count);
    this.skip(taken.length);
    return taken;
  }

  /** The same without taking them, from so many bytes on. */
  peek(count: number, from = 0): Uint8Array {
    const [first = NOTHING] = this.#pieces;
    let start = this.#at + from;
    const end = Math.min(start + count, this.#at + this.#length);
    if (start >= end) return NOTHING;
    if (end <= first.length) return first.subarray(start, end);
    const whole = Buffer.allocUnsafe(end - start);
    let filled = 0;
    for (const piece of this.#pieces) {
      const part = piece.subarray(start, start + whole.length - filled);
      whole.set(part, filled);
      filled += part.length;
      start = Math.max(0, start - piece.length);
      if (filled === whole.length) break;
    }
    return whole;
  }

  /** Drops so many of the first bytes, at most all. */
  skip(count: number): void {
    const dropped = Math.min(count, this.#length);
    this.#length -= dropped;
    this.#at += dropped;
    let passed = 0;
    for (const { length } of this.#pieces) {
      if (this.#at < length) break;
      this.#at -= length;
      passed += 1;
    }
    if (passed > 0) this.#pieces.splice(0, passed);
  }

  #join(): void {
    const whole = this.peek(this.#length);
    this.#pieces = [whole];
    this.#at = 0;
  }
}
