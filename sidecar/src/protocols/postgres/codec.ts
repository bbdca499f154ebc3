import { concatenate } from '../../concatenate.ts';

/**
 * Frames of PostgreSQL's protocol 3 (documentation, chapter "Message Formats"): a type byte, then a length of four bytes that counts
 * itself, then the body. A start-up packet has no type byte.
 */

/** Type bytes; the same letter may mean two things, one a direction. */
export const FRAME = {
  // from the agent
  bind: 0x42,
  close: 0x43,
  describe: 0x44,
  execute: 0x45,
  functionCall: 0x46,
  flush: 0x48,
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
  copyFail: 0x66,
  password: 0x70,
  // both ways
  copyData: 0x64,
  copyDone: 0x63,
  // from the server
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  notification: 0x41,
  commandComplete: 0x43,
  dataRow: 0x44,
  error: 0x45,
  copyIn: 0x47,
  copyOut: 0x48,
  emptyQuery: 0x49,
  backendKey: 0x4b,
  notice: 0x4e,
  authentication: 0x52,
  parameterStatus: 0x53,
  rowDescription: 0x54,
  functionResult: 0x56,
  copyBoth: 0x57,
  readyForQuery: 0x5a,
  noData: 0x6e,
  portalSuspended: 0x73,
  parameterDescription: 0x74,
  negotiateVersion: 0x76,
} as const;

const EMPTY = new Uint8Array(0);
/** What a frame that arrives in pieces may take before more of it is there: a length alone must not allocate. */
const FIRST_ALLOCATION = 64 * 1024;

export type ScanResult = 'Frame' | 'More' | 'TooLarge' | 'Malformed';

/**
 * Finds frames in a stream of chunks. A frame that lies in one chunk is a view of that chunk; only one that crosses chunks is copied. The
 * current frame is in the fields, so that scanning allocates nothing; they hold until the next `next`.
 */
export class FrameScanner {
  type = 0;
  /** Holds the frame from `start` (its type byte) to `end`. */
  buffer: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** Start-up packets have no type byte. */
  untagged: boolean;
  /** Larger frames are refused before they are allocated; it may change from frame to frame. */
  frameBytesMax: number;
  #chunks: Uint8Array[] = [];
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #partial: Uint8Array = EMPTY;
  #partialLength = 0;
  #waitingBytes = 0;

  constructor(frameBytesMax: number, untagged: boolean) {
    this.frameBytesMax = frameBytesMax;
    this.untagged = untagged;
  }

  /** Takes a chunk without scanning it. */
  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#at === this.#chunk.length && this.#chunks.length === 0) {
      this.#chunk = chunk;
      this.#at = 0;
    } else {
      this.#chunks.push(chunk);
      this.#waitingBytes += chunk.length;
    }
  }

  /** Bytes that were fed and not yet given out as frames. */
  get heldBytes(): number {
    return this.#chunk.length - this.#at + this.#waitingBytes + this.#partialLength;
  }

  /** The first byte that waits, or undefined. */
  peek(): number | undefined {
    if (this.#partialLength > 0) return this.#partial[0];
    return this.#chunk[this.#at];
  }

  /** Everything that waits, taken out of the scanner: it belongs to somebody else (a TLS handshake). */
  takeRest(): Uint8Array {
    const rest = concatenate([
      this.#partial.subarray(0, this.#partialLength),
      this.#chunk.subarray(this.#at),
      ...this.#chunks,
    ]);
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#chunks = [];
    this.#waitingBytes = 0;
    this.#partialLength = 0;
    return rest;
  }

  next(): ScanResult {
    const header = this.untagged ? 4 : 5;
    for (;;) {
      const { length } = this.#chunk;
      if (this.#partialLength === 0) {
        const available = length - this.#at;
        if (available >= header) {
          const at = this.#at;
          const total = this.#total(this.#chunk, at);
          if (total < header) return 'Malformed';
          if (total > this.frameBytesMax) return 'TooLarge';
          if (available >= total) {
            this.type = this.untagged ? 0 : (this.#chunk[at] ?? 0);
            this.buffer = this.#chunk;
            this.start = at;
            this.end = at + total;
            this.#at = this.end;
            return 'Frame';
          }
        }
        if (available === 0) {
          if (!this.#nextChunk()) return 'More';
          continue;
        }
      }
      const grown = this.#growPartial(header);
      if (grown !== undefined) return grown;
    }
  }

  /** The current frame, type byte and length included. */
  frame(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  #nextChunk(): boolean {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return false;
    this.#waitingBytes -= chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
    return true;
  }

  #total(bytes: Uint8Array, at: number): number {
    return this.untagged ? readInt32(bytes, at) : readInt32(bytes, at + 1) + 1;
  }

  /** Moves what the current chunk has into the partial frame; the result, or undefined when it is to be tried again. */
  #growPartial(header: number): ScanResult | undefined {
    if (this.#partialLength < header) this.#take(header - this.#partialLength);
    if (this.#partialLength < header) return this.#nextChunk() ? undefined : 'More';
    const total = this.#total(this.#partial, 0);
    if (total < header) return 'Malformed';
    if (total > this.frameBytesMax) return 'TooLarge';
    this.#take(total - this.#partialLength);
    if (this.#partialLength < total) return this.#nextChunk() ? undefined : 'More';
    this.type = this.untagged ? 0 : (this.#partial[0] ?? 0);
    this.buffer = this.#partial;
    this.start = 0;
    this.end = total;
    this.#partial = EMPTY;
    this.#partialLength = 0;
    return 'Frame';
  }

  #take(wanted: number): void {
    const taken = Math.min(wanted, this.#chunk.length - this.#at);
    const needed = this.#partialLength + taken;
    if (needed > this.#partial.length) {
      const goal = this.#partialLength + wanted;
      const size = Math.min(goal, Math.max(needed, this.#partial.length * 2, FIRST_ALLOCATION));
      const larger = new Uint8Array(size);
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#partialLength);
    this.#partialLength = needed;
    this.#at += taken;
  }
}

/** Signed, big-endian; 0 past the end, which every caller has excluded by length. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

export function readInt16(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) >> 16) | (bytes[at + 1] ?? 0);
}

/** Reads a frame's body from front to back. Past the end everything is empty and `failed` is true: ask it before trusting what was read. */
export class BodyReader {
  failed = false;
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /** True when all was read and nothing failed. */
  get complete(): boolean {
    return !this.failed && this.at === this.#end;
  }

  get remaining(): number {
    return this.#end - this.at;
  }

  byte(): number {
    if (!this.#has(1)) return 0;
    return this.#bytes[this.at++] ?? 0;
  }

  int16(): number {
    if (!this.#has(2)) return 0;
    this.at += 2;
    return readInt16(this.#bytes, this.at - 2);
  }

  int32(): number {
    if (!this.#has(4)) return 0;
    this.at += 4;
    return readInt32(this.#bytes, this.at - 4);
  }

  bytes(length: number): Uint8Array {
    if (length < 0 || !this.#has(length)) return EMPTY;
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Up to the next zero byte, which is read too. */
  zeroTerminated(): Uint8Array {
    const zero = this.failed ? -1 : this.#bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.#end) {
      this.failed = true;
      return EMPTY;
    }
    const from = this.at;
    this.at = zero + 1;
    return this.#bytes.subarray(from, zero);
  }

  /** As `zeroTerminated`, as UTF-8; what is no UTF-8 becomes U+FFFD. */
  string(): string {
    const zero = this.failed ? -1 : this.#bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.#end) {
      this.failed = true;
      return '';
    }
    const from = this.at;
    this.at = zero + 1;
    return textBetween(this.#bytes, from, zero);
  }

  /** Passes over what `zeroTerminated` would give. */
  skipString(): void {
    const zero = this.failed ? -1 : this.#bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.#end) this.failed = true;
    else this.at = zero + 1;
  }

  #has(length: number): boolean {
    if (!this.failed && this.#end - this.at >= length) return true;
    this.failed = true;
    return false;
  }
}

/** Bytes as UTF-8 text; what is no UTF-8 becomes U+FFFD. */
export function asText(bytes: Uint8Array): string {
  return textBetween(bytes, 0, bytes.length);
}

/** Up to so many characters a loop beats a call into the runtime. */
const SHORT_TEXT = 12;

function textBetween(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  return asBuffer(bytes).toString('utf8', start, end);
}

/** Each byte as one character. */
export function asLatin1(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}

/** What was received is a Buffer already; anything else gets a view that is one. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
