import { concatenate } from '../concatenate.ts';

/** So many are kept as they came: ordinary traffic never has more. */
const LOOSE_MAX = 32;
/** Of those behind, smaller ones are copied together: each by itself takes some hundreds of bytes of memory besides its own. */
const SMALL_BYTES = 2 * 1024;
const BLOCK_BYTES = 8 * 1024;

/** Bytes as they came, until somebody wants them as one. What they take of memory does not depend on how they were cut. */
export class Pieces {
  bytes = 0;
  #whole: Uint8Array[] = [];
  #block: Uint8Array | undefined;
  #used = 0;

  /** How many buffers they are in. */
  get buffers(): number {
    return this.#whole.length + (this.#block === undefined ? 0 : 1);
  }

  add(piece: Uint8Array): void {
    this.bytes += piece.length;
    if (this.#whole.length < LOOSE_MAX || piece.length > SMALL_BYTES) {
      this.#seal();
      this.#whole.push(piece);
      return;
    }
    if (this.#used + piece.length > BLOCK_BYTES) this.#seal();
    this.#block ??= Buffer.allocUnsafe(BLOCK_BYTES);
    this.#block.set(piece, this.#used);
    this.#used += piece.length;
  }

  /** Everything behind `before`, as one; nothing is left. */
  take(before: Uint8Array): Uint8Array {
    this.#seal();
    const all = before.length === 0 ? concatenate(this.#whole) : concatenate([before, ...this.#whole]);
    this.#whole = [];
    this.bytes = 0;
    return all;
  }

  #seal(): void {
    if (this.#block !== undefined) this.#whole.push(this.#block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
  }
}
