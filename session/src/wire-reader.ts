import { isUtf8 } from 'node:buffer';

/** Protobuf's wire types. Groups (3 and 4) have no place in our messages. */
export const WIRE = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

const REPLACEMENT = '\ufffd';
const EMPTY = new Uint8Array(0);
/** A varint has at most 10 bytes; what we keep exactly has at most 8. */
const VARINT_BYTES_MAX = 10;
/** A tag is a uint32. */
const TAG_MAX = 0xffff_ffff;
const TAG_BYTES_MAX = 5;

/** How many more elements of lists may be read: a list of empty texts takes 2 bytes for each, and many times that in memory. */
export interface ListRoom {
  left: number;
}

/** Room for what one chunk of a gate may hold: a command of Redis has up to 2 ** 20 arguments. */
export function listRoom(): ListRoom {
  return { left: 4 * 1024 * 1024 };
}

/** An entry of a map, and a vote, takes so many times the room of a text. */
const ENTRY = 64;

/** Stops the reading of one message; whoever starts reading catches it. */
export class Malformed extends Error {}

/**
 * Reads the fields of one protobuf message from front to back: `next`, then the value of the field that it names, or `skip`. Throws
 * `Malformed` on anything that is cut short, no UTF-8, or a number that cannot be kept exactly.
 */
export class WireReader {
  /** Of the field that `next` found. */
  field = 0;
  wire = 0;
  readonly #bytes: Buffer;
  readonly #room: ListRoom;
  #at: number;
  #end: number;

  constructor(bytes: Uint8Array, room: ListRoom = listRoom()) {
    this.#room = room;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    this.#end = bytes.length;
  }

  /** False at the end of the message. */
  next(): boolean {
    if (this.#at === this.#end) return false;
    const start = this.#at;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (tag > TAG_MAX || this.#at - start > TAG_BYTES_MAX)
      throw new Malformed('it has a field with a number that no field can have');
    if (this.field === 0) throw new Malformed('it has a field without a number');
    return true;
  }

  /** A safe integer that is not negative. */
  number(): number {
    this.#expect(WIRE.varint);
    return this.#varint();
  }

  /** A list goes on with the current field. */
  element(): void {
    this.#room.left -= 1;
    if (this.#room.left < 0) throw new Malformed('its lists are too long');
  }

  /** The same of a map, or of a list of messages. */
  entry(): void {
    this.#room.left -= ENTRY - 1;
    this.element();
  }

  boolean(): boolean {
    return this.number() !== 0;
  }

  text(): string {
    const start = this.#content();
    const text = this.#bytes.toString('utf8', start, this.#at);
    // The decoder puts this character where the bytes are no UTF-8; it may also have been written.
    if (text.includes(REPLACEMENT) && !isUtf8(this.#bytes.subarray(start, this.#at)))
      throw new Malformed('it holds a text that is not UTF-8');
    return text;
  }

  /** A view of what is read, as of a plain `Uint8Array`. */
  blob(): Uint8Array {
    const start = this.#content();
    if (start === this.#at) return EMPTY;
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, this.#at - start);
  }

  /** Enters the message that this field holds. What is returned goes to `leave` after all of it was read. */
  enter(): number {
    const start = this.#content();
    const outer = this.#end;
    this.#end = this.#at;
    this.#at = start;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  /** Passes over a field that this version does not know. */
  skip(): void {
    switch (this.wire) {
      case WIRE.varint:
        return this.#skipVarint();
      case WIRE.fixed64:
        return this.#forward(8);
      case WIRE.fixed32:
        return this.#forward(4);
      case WIRE.delimited:
        this.#content();
        return;
      default:
        throw new Malformed('it has a field of an unknown wire type');
    }
  }

  #expect(wire: number): void {
    if (this.wire !== wire) throw new Malformed('it has a field of another wire type');
  }

  /** Moves behind a delimited field and says where its content begins. */
  #content(): number {
    this.#expect(WIRE.delimited);
    const length = this.#varint();
    const start = this.#at;
    this.#forward(length);
    return start;
  }

  #forward(count: number): void {
    if (count > this.#end - this.#at) throw cut();
    this.#at += count;
  }

  #varint(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new Malformed('it holds a number that is too large');
      if (byte < 0x80) return value;
      if (scale > Number.MAX_SAFE_INTEGER) throw new Malformed('it holds a number that does not end');
    }
  }

  #skipVarint(): void {
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) if (this.#byte() < 0x80) return;
    throw new Malformed('it holds a number that does not end');
  }

  #byte(): number {
    if (this.#at >= this.#end) throw cut();
    const byte = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }
}

function cut(): Malformed {
  return new Malformed('it is cut short');
}
