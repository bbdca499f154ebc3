import { Pieces } from '../pieces.ts';
import { DEPTH_MAX, findLineEnd, LINE_BYTES_MAX, readInteger, TYPE } from './codec.ts';

const NOTHING = new Uint8Array();
/** A bulk string up to this size is waited for; of a longer one the pieces can be had as they come. */
const WAITED_BYTES_MAX = 64 * 1024;

/** An array, map, set, push or attribute that is being read. */
export interface Frame {
  readonly type: number;
  /** Elements, or names and values together in a map. */
  readonly count: number;
  /** Which element is being read. */
  index: number;
  /** The text of the element before, where somebody keeps it: the name of a field, the key of a stream. Undefined: nobody did. */
  before: string | undefined;
}

/**
 * `Open`: an aggregate with at least one element begins. `Leaf`: a value with no elements, whole. `Big`: a long bulk string begins; after `whole` the next
 * token is all of it, after `stream` its header is taken and `Piece` follows until `Closed`.
 */
export type ReplyToken = 'Open' | 'Leaf' | 'Big' | 'Piece' | 'Closed';

/**
 * Takes a server's bytes apart into the tokens of replies, however they are cut. `buffer`, `start` and `end` say where the token's own bytes are;
 * `bodyStart` and `bodyEnd` where a bulk string's or line's text is. `isOver` is true after the last token of a reply.
 */
export class ReplyReader {
  buffer: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  bodyStart = 0;
  bodyEnd = 0;
  type = 0;
  /** The value is a null, whatever its type byte. */
  isNull = false;
  /** Aggregates around the token; for `Open` the new one is not in it yet. */
  readonly frames: Frame[] = [];
  isOver = false;
  readonly #bytesMax: number;
  readonly #more = new Pieces();
  #at = 0;
  #needed = 1;
  /** Bytes of a long bulk string that are still to come, with its CRLF; 0 outside. */
  #pending = 0;
  #pendingWhole = false;
  #pendingBehind = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#more.add(bytes);
  }

  /** Bytes that `next` has yet to give. */
  get heldBytes(): number {
    return this.buffer.length - this.#at + this.#more.bytes;
  }

  /** True between replies with nothing begun. */
  get isIdle(): boolean {
    return this.frames.length === 0 && this.#pending === 0;
  }

  next(): ReplyToken | 'More' | 'Malformed' | 'TooLarge' {
    for (;;) {
      if (!this.#gather()) return 'More';
      if (this.#pending > 0) return this.#piece();
      const token = this.#token();
      if (token !== 'Wait') return token;
    }
  }

  /** After `Big`: all of it is wanted at once. Nothing was taken yet. */
  whole(): void {
    this.#pendingWhole = true;
  }

  #gather(): boolean {
    const held = this.buffer.length - this.#at;
    if (held >= this.#needed) return true;
    if (this.#more.bytes === 0 || held + this.#more.bytes < this.#needed) return false;
    this.buffer = this.#more.take(held === 0 ? NOTHING : this.buffer.subarray(this.#at));
    this.#at = 0;
    return true;
  }

  #token(): ReplyToken | 'Wait' | 'Malformed' | 'TooLarge' {
    const { buffer } = this;
    const lineEnd = findLineEnd(buffer, this.#at + 1);
    if (lineEnd < 0) {
      if (lineEnd === -2 || buffer.length - this.#at > LINE_BYTES_MAX) return 'Malformed';
      this.#needed = buffer.length - this.#at + 1;
      return 'Wait';
    }
    this.start = this.#at;
    this.type = buffer[this.#at] ?? 0;
    this.bodyStart = this.#at + 1;
    this.bodyEnd = lineEnd;
    this.end = lineEnd + 2;
    this.isNull = false;
    switch (this.type) {
      case TYPE.null:
        this.isNull = true;
        return this.#leaf();
      case TYPE.simple:
      case TYPE.error:
      case TYPE.integer:
      case TYPE.boolean:
      case TYPE.double:
      case TYPE.bigNumber:
        return this.#leaf();
      case TYPE.bulk:
      case TYPE.bulkError:
      case TYPE.verbatim:
        return this.#bulk();
      case TYPE.array:
      case TYPE.set:
      case TYPE.map:
      case TYPE.push:
      case TYPE.attribute:
        return this.#aggregate();
      default:
        return 'Malformed';
    }
  }

  #bulk(): ReplyToken | 'Wait' | 'Malformed' | 'TooLarge' {
    const length = readInteger(this.buffer, this.bodyStart, this.bodyEnd);
    if (length === undefined || length < -1) return 'Malformed';
    if (length === -1) {
      if (this.type !== TYPE.bulk) return 'Malformed';
      this.isNull = true;
      return this.#leaf();
    }
    const body = this.end;
    const behind = body + length + 2;
    if (behind - this.start > this.#bytesMax) return 'TooLarge';
    if (this.buffer.length >= behind) {
      if (this.buffer[behind - 2] !== 0x0d || this.buffer[behind - 1] !== 0x0a) return 'Malformed';
      this.bodyStart = body;
      this.bodyEnd = behind - 2;
      this.end = behind;
      this.#pendingWhole = false;
      return this.#leaf();
    }
    if (length <= WAITED_BYTES_MAX || this.#pendingWhole) {
      this.#needed = behind - this.#at;
      return 'Wait';
    }
    this.#pendingBehind = length + 2;
    return 'Big';
  }

  /** After `Big`: its header is taken, and its pieces follow. */
  stream(): void {
    this.#pending = this.#pendingBehind;
    this.#at = this.end;
    this.#needed = 1;
  }

  #piece(): ReplyToken | 'Malformed' {
    const taken = Math.min(this.#pending, this.buffer.length - this.#at);
    this.start = this.#at;
    this.#at += taken;
    this.end = this.#at;
    this.#pending -= taken;
    this.#needed = 1;
    if (this.#pending > 0) return 'Piece';
    if (this.buffer[this.#at - 1] !== 0x0a) return 'Malformed';
    this.#complete();
    return 'Closed';
  }

  #aggregate(): ReplyToken | 'Malformed' {
    const count = readInteger(this.buffer, this.bodyStart, this.bodyEnd);
    if (count === undefined || count < -1) return 'Malformed';
    if (count === -1) {
      if (this.type !== TYPE.array) return 'Malformed';
      this.isNull = true;
      return this.#leaf();
    }
    const isPaired = this.type === TYPE.map || this.type === TYPE.attribute;
    if (this.type === TYPE.push && this.frames.length > 0) return 'Malformed';
    if (count === 0) {
      // An attribute of nothing is no value: another follows.
      if (this.type !== TYPE.attribute) return this.#leaf();
      this.#advance();
      this.isOver = false;
      return 'Open';
    }
    if (this.frames.length >= DEPTH_MAX) return 'Malformed';
    this.#advance();
    this.isOver = false;
    this.frames.push({ type: this.type, count: isPaired ? count * 2 : count, index: 0, before: undefined });
    return 'Open';
  }

  #leaf(): ReplyToken {
    this.#advance();
    return 'Leaf';
  }

  #advance(): void {
    this.#at = this.end;
    this.#needed = 1;
  }

  #complete(): void {
    for (;;) {
      const frame = this.frames.at(-1);
      if (frame === undefined) {
        this.isOver = true;
        return;
      }
      frame.index += 1;
      if (frame.index < frame.count) {
        this.isOver = false;
        return;
      }
      this.frames.pop();
      if (frame.type === TYPE.attribute) {
        this.isOver = false;
        return;
      }
    }
  }

  /** Counts the value that `next` gave as read. Called once after each `Leaf`. */
  done(): void {
    this.#complete();
  }
}
