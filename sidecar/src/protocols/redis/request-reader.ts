import { concatenate } from '../../concatenate.ts';
import { Pieces } from '../pieces.ts';
import { findLineEnd, LINE_BYTES_MAX, readInteger, TYPE, writeCommand } from './codec.ts';
import { splitInline } from './inline.ts';

/** Redis takes 1024 * 1024. To read, judge and write down one key takes some 7 us, while no other session goes on. */
const ARGUMENTS_MAX = 128 * 1024;
/** The header of an array or a bulk string is no longer than this. */
const HEADER_BYTES_MAX = 24;

/**
 * What one of a command's arguments takes of memory besides its bytes, with what is made of it when it is judged and written down, and one of the pieces
 * that a command came in.
 */
const [ARGUMENT_BYTES, PIECE_BYTES] = [512, 1024];

const NOTHING = new Uint8Array();

export interface RequestLimits {
  /** The longest command, in bytes on the wire. */
  readonly bytesMax: number;
  readonly argumentsMax?: number;
}

/**
 * Takes an agent's bytes apart into commands, however they are cut. After `next` gave `Command`, `args` are its parts and `wire` is what a server
 * is to be sent: the received bytes, or the same command as an array when it came inline. What Redis would forgive (a wrong byte where
 * a line ends, a number with a sign) is malformed here, so that server and gate can never read two different commands.
 */
export class RequestReader {
  args: readonly Uint8Array[] = [];
  wire: Uint8Array = NOTHING;
  /** Why it is malformed, for people. */
  complaint = '';
  #limits: RequestLimits;
  #buffer: Uint8Array = NOTHING;
  #at = 0;
  /** What came behind the buffer and does not make the part complete that is being read. */
  readonly #more = new Pieces();
  /** How many bytes from `#at` on are needed at least. */
  #needed = 1;
  /** Arguments that are still to come; undefined between commands. */
  #left: number | undefined;
  #args: Uint8Array[] = [];
  #wire: Uint8Array[] = [];
  #wireBytes = 0;
  #peeked: ReturnType<RequestReader['next']> | undefined;
  /** Where the command's bytes begin in the buffer. */
  #start = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  set limits(limits: RequestLimits) {
    this.#limits = limits;
  }

  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#more.add(bytes);
  }

  /** Bytes that `next` has yet to read, but for the command that it is in. */
  get heldBytes(): number {
    return this.#buffer.length - this.#at + this.#more.bytes;
  }

  /** All that is kept: those, and what has come of the command that it is in, with what its parts take besides their bytes. */
  get keptBytes(): number {
    const read = this.#wireBytes + (this.#left === undefined ? 0 : this.#at - this.#start);
    return this.heldBytes + read + this.#args.length * ARGUMENT_BYTES + this.#wire.length * PIECE_BYTES;
  }

  /** What `next` will give, with `args` and `wire` as it will leave them; it is given once more. */
  peek(): ReturnType<RequestReader['next']> {
    this.#peeked ??= this.next();
    const peeked = this.#peeked;
    if (peeked === 'More') this.#peeked = undefined;
    return peeked;
  }

  /** `Empty`: a line with nothing on it, or an array of nothing, to which Redis gives no answer. */
  next(): 'More' | 'Command' | 'Empty' | 'Malformed' | 'TooLarge' {
    const peeked = this.#peeked;
    this.#peeked = undefined;
    if (peeked !== undefined) return peeked;
    for (;;) {
      if (!this.#gather()) return 'More';
      if (this.#left === undefined) {
        this.#start = this.#at;
        const begun = this.#begin();
        if (begun === 'Wait') continue;
        if (begun !== 'Array') return begun;
      } else {
        const read = this.#argument();
        if (read === 'Wait') continue;
        if (read !== 'Argument') return read;
      }
      if (this.#left === 0) return this.#end();
    }
  }

  /** Makes the buffer long enough, if what was received is. */
  #gather(): boolean {
    const held = this.#buffer.length - this.#at;
    if (held >= this.#needed) return true;
    if (this.#more.bytes === 0 || held + this.#more.bytes < this.#needed) return false;
    // What was read of the command in this buffer is kept as its wire.
    if (this.#left !== undefined && this.#at > this.#start) this.#keep(this.#buffer.subarray(this.#start, this.#at));
    this.#buffer = this.#more.take(held === 0 ? NOTHING : this.#buffer.subarray(this.#at));
    this.#at = 0;
    this.#start = 0;
    return true;
  }

  #keep(bytes: Uint8Array): void {
    this.#wire.push(bytes);
    this.#wireBytes += bytes.length;
  }

  /** Needs at least one byte more than there is now. */
  #wait(): 'Wait' {
    this.#needed = this.#buffer.length - this.#at + 1;
    return 'Wait';
  }

  #begin(): 'Wait' | 'Command' | 'Empty' | 'Malformed' | 'TooLarge' | 'Array' {
    if (this.#buffer[this.#at] !== TYPE.array) return this.#inline();
    const end = findLineEnd(this.#buffer, this.#at + 1);
    if (end === -1)
      return this.#buffer.length - this.#at > HEADER_BYTES_MAX ? this.#fail('invalid multibulk length') : this.#wait();
    const count = end < 0 ? undefined : readInteger(this.#buffer, this.#at + 1, end);
    if (count === undefined) return this.#fail('invalid multibulk length');
    const max = this.#limits.argumentsMax ?? ARGUMENTS_MAX;
    if (count > max) return this.#fail(`a command may have ${max} arguments here`);
    this.#advance(end + 2);
    if (count <= 0) return 'Empty';
    this.#left = count;
    return 'Array';
  }

  #argument(): 'Wait' | 'Argument' | 'Malformed' | 'TooLarge' {
    if (this.#buffer[this.#at] !== TYPE.bulk) return this.#fail("expected '$'");
    const end = findLineEnd(this.#buffer, this.#at + 1);
    if (end === -1)
      return this.#buffer.length - this.#at > HEADER_BYTES_MAX ? this.#fail('invalid bulk length') : this.#wait();
    const length = end < 0 ? undefined : readInteger(this.#buffer, this.#at + 1, end);
    if (length === undefined || length < 0) return this.#fail('invalid bulk length');
    const body = end + 2;
    const behind = body + length + 2;
    if (this.#wireBytes + behind - this.#start > this.#limits.bytesMax) return 'TooLarge';
    if (this.#buffer.length < behind) {
      this.#needed = behind - this.#at;
      return 'Wait';
    }
    if (this.#buffer[behind - 2] !== 0x0d || this.#buffer[behind - 1] !== 0x0a) return this.#fail('expected CRLF');
    this.#args.push(this.#buffer.subarray(body, body + length));
    this.#left = (this.#left ?? 1) - 1;
    this.#advance(behind);
    return 'Argument';
  }

  #end(): 'Command' {
    const last = this.#buffer.subarray(this.#start, this.#at);
    this.wire = this.#wire.length === 0 ? last : concatenate([...this.#wire, last]);
    this.args = this.#args;
    this.#left = undefined;
    this.#args = [];
    this.#wire = [];
    this.#wireBytes = 0;
    return 'Command';
  }

  #inline(): 'Wait' | 'Command' | 'Empty' | 'Malformed' {
    const feed = this.#buffer.indexOf(0x0a, this.#at);
    if (feed < 0)
      return this.#buffer.length - this.#at > LINE_BYTES_MAX ? this.#fail('too big inline request') : this.#wait();
    if (feed - this.#at > LINE_BYTES_MAX) return this.#fail('too big inline request');
    const end = feed > this.#at && this.#buffer[feed - 1] === 0x0d ? feed - 1 : feed;
    const args = splitInline(this.#buffer.subarray(this.#at, end));
    this.#advance(feed + 1);
    if (args === undefined) return this.#fail('unbalanced quotes in request');
    if (args.length === 0) return 'Empty';
    this.args = args;
    this.wire = writeCommand(args);
    return 'Command';
  }

  #advance(to: number): void {
    this.#at = to;
    this.#needed = 1;
  }

  #fail(complaint: string): 'Malformed' {
    this.complaint = complaint;
    return 'Malformed';
  }
}
