const LINE_END = Buffer.from('\r\n');

/** Cuts what a server of Redis sends in RESP2 into replies, each with its own bytes. */
export class ReplyCutter {
  #bytes: Buffer = Buffer.alloc(0);
  /** Where whole replies end. */
  #ends: number[] = [];
  /** How far has been read, and how many values are missing to the end of the reply that is being read. */
  #at = 0;
  #missing = 1;

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#step());
  }

  /** Whole replies that wait. */
  get whole(): number {
    return this.#ends.length;
  }

  /** Every reply so far; the last is cut short where more of it was to come. */
  take(): readonly Buffer[] {
    const last = this.#ends.at(-1) ?? 0;
    const ends = last < this.#bytes.length ? [...this.#ends, this.#bytes.length] : this.#ends;
    const replies = ends.map((end, index) => this.#bytes.subarray(ends[index - 1] ?? 0, end));
    this.#bytes = Buffer.alloc(0);
    this.#ends = [];
    this.#at = 0;
    this.#missing = 1;
    return replies;
  }

  /** Reads one more value; false: it is not all there. */
  #step(): boolean {
    const lineEnd = this.#bytes.indexOf(LINE_END, this.#at);
    if (lineEnd < 0) return false;
    const type = String.fromCharCode(this.#bytes[this.#at] ?? 0);
    const number = Number(this.#bytes.toString('latin1', this.#at + 1, lineEnd));
    let end = lineEnd + LINE_END.length;
    if (type === '$' && number >= 0) end += number + LINE_END.length;
    if (end > this.#bytes.length) return false;
    this.#missing += type === '*' && number > 0 ? number - 1 : -1;
    this.#at = end;
    if (this.#missing > 0) return true;
    this.#ends.push(end);
    this.#missing = 1;
    return true;
  }
}
