/** Buffers are made in powers of two from this on. */
const BYTES_MIN = 4096;

/**
 * Buffers that were given back, for the next who needs one: what passes through the uplink would otherwise be a new buffer for each piece,
 * and V8 looks through everything for those that are not needed any more.
 */
export class SpareMemory {
  readonly #bytesMax: number;
  #spare: Buffer[] = [];
  #bytes = 0;

  /** `bytesMax`: so much is kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A buffer of at least so many bytes, the smallest there is; its content is whatever it was. */
  take(bytes: number): Buffer {
    const index = this.#spare.findIndex((buffer) => buffer.length >= bytes);
    const [spare] = index < 0 ? [] : this.#spare.splice(index, 1);
    if (spare === undefined) return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(bytes, BYTES_MIN))));
    this.#bytes -= spare.length;
    return spare;
  }

  /** Whoever gives a buffer looks at it no more. */
  give(buffer: Buffer): void {
    if (this.#bytes + buffer.length > this.#bytesMax) return;
    const index = this.#spare.findIndex((spare) => spare.length >= buffer.length);
    this.#spare.splice(index < 0 ? this.#spare.length : index, 0, buffer);
    this.#bytes += buffer.length;
  }

  /** Keeps nothing any longer. */
  clear(): void {
    this.#spare = [];
    this.#bytes = 0;
  }
}
