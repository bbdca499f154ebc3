const FIRST_BYTES = 64 * 1024;
/** A varint of a safe integer takes at most 8 bytes; of any uint64, 10. */
const VARINT_BYTES_MAX = 10;
/** Below this many characters a loop beats a call into the runtime. */
const SHORT_TEXT = 32;

/** Protobuf's two wire types that session events are made of. */
const VARINT = 0;
const DELIMITED = 2;

/**
 * A buffer that grows and takes protobuf fields. What was written stays where it is, relative to the start, until `clear`;
 * views of `bytes` taken before it grew keep the old content.
 */
export class WireBuffer {
  bytes: Buffer;
  length = 0;

  constructor(firstBytes: number = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  clear(): void {
    this.length = 0;
  }

  /** A view of what was written from `start` to `end`. It is overwritten after `clear`. */
  view(start = 0, end = this.length): Buffer {
    return this.bytes.subarray(start, end);
  }

  /** Makes sure that `count` more bytes fit. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Leaves `count` bytes to be filled in later and says where they are. */
  skip(count: number): number {
    this.reserve(count);
    const at = this.length;
    this.length += count;
    return at;
  }

  /** A non-negative safe integer. */
  varint(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    this.length = writeVarint(this.bytes, this.length, value);
  }

  /**
   * A number field; 0 is not written, as proto3 has it. What no reader would take (less than 0, no number, more than is kept exactly) becomes the nearest that
   * they take: one figure of a token or a server must not make a record unreadable.
   */
  number(field: number, value: number): void {
    if (!(value > 0)) return;
    this.varint((field << 3) | VARINT);
    this.varint(Math.min(value, Number.MAX_SAFE_INTEGER));
  }

  /** A text field; the empty text is not written. */
  text(field: number, value: string): void {
    if (value !== '') this.presentText(field, value);
  }

  /** A text field that is written even when it is empty: an element of a list, or a field with presence. */
  presentText(field: number, value: string): void {
    this.varint((field << 3) | DELIMITED);
    const at = this.open();
    this.reserve(value.length * 3);
    this.#utf8(value);
    this.close(at);
  }

  /** A field of bytes; none is not written. */
  blob(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.varint((field << 3) | DELIMITED);
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Begins a field that holds a message. The returned mark goes to `close`. */
  openMessage(field: number): number {
    this.varint((field << 3) | DELIMITED);
    return this.open();
  }

  /** Leaves one byte for a length that is not yet known. */
  open(): number {
    return this.skip(1);
  }

  /** Writes the length of all since `open`, and of `more` bytes that will follow elsewhere; a long one moves the content. */
  close(at: number, more = 0): void {
    const start = at + 1;
    const content = this.length - start;
    const total = content + more;
    if (total < 0x80) {
      this.bytes[at] = total;
      return;
    }
    const extra = varintBytes(total) - 1;
    this.reserve(extra);
    this.bytes.copyWithin(start + extra, start, this.length);
    writeVarint(this.bytes, at, total);
    this.length += extra;
  }

  #utf8(value: string): void {
    if (value.length < SHORT_TEXT) {
      let at = this.length;
      let index = 0;
      for (; index < value.length; index += 1) {
        const code = value.charCodeAt(index);
        if (code >= 0x80) break;
        this.bytes[at] = code;
        at += 1;
      }
      if (index === value.length) {
        this.length = at;
        return;
      }
    }
    this.length += this.bytes.write(value, this.length);
  }
}

/** Writes a non-negative safe integer and gives where it ends; there must be room. */
export function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80000000) {
    bytes[at] = (rest % 0x80) | 0x80;
    at += 1;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[at] = (rest & 0x7f) | 0x80;
    at += 1;
    rest >>>= 7;
  }
  bytes[at] = rest;
  return at + 1;
}

/** How many bytes the varint of a non-negative safe integer takes. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count += 1;
  return count;
}
