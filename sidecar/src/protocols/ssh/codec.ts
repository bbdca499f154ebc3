import { asMixedText, fromMixedText } from '../mixed-text.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Piece } from './flow.ts';
import { LENGTH_BYTES, MESSAGE, STDERR } from './messages.ts';

export function readFrameLength(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x1000000 + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}

/** Takes frames out of bytes that come in any pieces. */
export class FrameReader {
  readonly #bytes = new ByteQueue();
  readonly #messageBytesMax: number;

  /** `messageBytesMax`: the largest message that is taken, in bytes. */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  feed(bytes: Uint8Array): void {
    this.#bytes.push(bytes);
  }

  /** How much waits to be read, in bytes. */
  get waiting(): number {
    return this.#bytes.length;
  }

  /** The next message; undefined: more must come. `TooLarge`: nothing can be read from here on. */
  next(): Uint8Array | 'TooLarge' | undefined {
    if (this.waiting < LENGTH_BYTES) return undefined;
    const length = readFrameLength(this.#bytes.peek(LENGTH_BYTES), 0);
    if (length > this.#messageBytesMax) return 'TooLarge';
    if (this.waiting < LENGTH_BYTES + length) return undefined;
    this.#bytes.skip(LENGTH_BYTES);
    return this.#bytes.take(length);
  }
}

/** Reads the fields of one message. Once anything is cut short, `whole` is false and what is read is empty. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #whole = true;

  constructor(message: Uint8Array, start = 1) {
    this.#bytes = message;
    this.#at = start;
  }

  get whole(): boolean {
    return this.#whole;
  }

  /** True when all was read, and nothing is left over. */
  get ended(): boolean {
    return this.#whole && this.#at === this.#bytes.length;
  }

  byte(): number {
    if (!this.#has(1)) return 0;
    return this.#bytes[this.#at++] ?? 0;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return readFrameLength(this.#bytes, this.#at - 4);
  }

  /** One above 2^53 counts as cut short: no file is that long. */
  uint64(): number {
    const value = this.uint32() * 0x1_0000_0000 + this.uint32();
    if (!Number.isSafeInteger(value)) this.#whole = false;
    return this.#whole ? value : 0;
  }

  /** How far it was read. */
  get at(): number {
    return this.#at;
  }

  /** All that was not read yet. */
  rest(): Uint8Array {
    const start = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(start);
  }

  /** A string of bytes: a view, not a copy. */
  bytes(): Uint8Array {
    return this.take(this.uint32());
  }

  /** So many bytes as they are: a view, not a copy. */
  take(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array(0);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return textOf(this.bytes());
  }

  #has(bytes: number): boolean {
    if (this.#at + bytes > this.#bytes.length) this.#whole = false;
    return this.#whole;
  }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The text that bytes are, if they are UTF-8; undefined otherwise. */
export function exactText(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/** Changes bytes as a text; what of them is no UTF-8 stays what it is. */
export function changeText(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  return fromMixedText(change(asMixedText(bytes)));
}

/** A field of a message: a number is one byte, `{ uint32 }` four, a text or bytes a string with its length. */
export type Field = number | boolean | string | Uint8Array | { readonly uint32: number } | { readonly raw: Uint8Array };

/** A message in its frame. */
export function writeFrame(...fields: readonly Field[]): Uint8Array {
  let length = LENGTH_BYTES;
  for (const field of fields) length += sizeOf(field);
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32BE(length - LENGTH_BYTES);
  let at = LENGTH_BYTES;
  for (const field of fields) at = writeField(frame, at, field);
  return frame;
}

function sizeOf(field: Field): number {
  if (typeof field === 'number' || typeof field === 'boolean') return 1;
  if (typeof field === 'string') return 4 + Buffer.byteLength(field);
  if (field instanceof Uint8Array) return 4 + field.length;
  return 'uint32' in field ? 4 : field.raw.length;
}

function writeField(frame: Buffer, at: number, field: Field): number {
  if (typeof field === 'number') return frame.writeUInt8(field, at);
  if (typeof field === 'boolean') return frame.writeUInt8(field ? 1 : 0, at);
  if (typeof field === 'string') {
    const start = frame.writeUInt32BE(Buffer.byteLength(field), at);
    return start + frame.write(field, start);
  }
  if (field instanceof Uint8Array) {
    const start = frame.writeUInt32BE(field.length, at);
    frame.set(field, start);
    return start + field.length;
  }
  if ('uint32' in field) return frame.writeUInt32BE(field.uint32, at);
  frame.set(field.raw, at);
  return at + field.raw.length;
}

/** A message as it came, in its frame, for the channel `recipient`. */
export function forwardTo(recipient: number, message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt32BE(message.length);
  frame.set(message, LENGTH_BYTES);
  frame.writeUInt32BE(recipient, LENGTH_BYTES + 1);
  return frame;
}

/** Data of a channel; `isStderr`: extended data. */
export function writeData(recipient: number, isStderr: boolean, data: Uint8Array): Uint8Array {
  return isStderr
    ? writeFrame(MESSAGE.channelExtendedData, { uint32: recipient }, { uint32: STDERR }, data)
    : writeFrame(MESSAGE.channelData, { uint32: recipient }, data);
}

/** A piece of a channel's data for its receiver, and for the record; the same bytes when they show the same. */
export function writePiece(recipient: number, { isStderr, data, recorded }: Piece): readonly [Uint8Array, Uint8Array] {
  const frameOf = (bytes: Uint8Array): Uint8Array =>
    bytes.length === 0 ? bytes : writeData(recipient, isStderr, bytes);
  const sent = frameOf(data);
  return [sent, recorded === data ? sent : frameOf(recorded)];
}
