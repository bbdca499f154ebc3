/** Bounds the bytes of requests that are in work, in all streams together. */
export class Room {
  readonly #bytesMax: number;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Settles when another request may be read. How large that is will only be known when it is there. */
  async free(): Promise<void> {
    while (this.#bytes >= this.#bytesMax) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  /** Counts the bytes until `work` settles. */
  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#bytes -= bytes;
      if (this.#bytes < this.#bytesMax) for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}
