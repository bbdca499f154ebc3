/** Frames of RFC 4252 and RFC 4254, written and taken apart without any code of the gate. */

/** A number is four bytes, a text its length and itself, a boolean one byte. */
type Part = number | string | boolean | Uint8Array;

/** A length of four bytes and one message. */
export function frame(type: number, ...parts: readonly Part[]): Uint8Array {
  const message = Buffer.concat([Buffer.from([type]), ...parts.map(partBytes)]);
  return Buffer.concat([number(message.length), message]);
}

function partBytes(part: Part): Uint8Array {
  if (typeof part === 'boolean') return Buffer.from([part ? 1 : 0]);
  if (typeof part === 'number') return number(part);
  const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** The whole messages at the start of `bytes`, and what is left over. */
export function readFrames(bytes: Uint8Array): { readonly messages: readonly Buffer[]; readonly rest: Buffer } {
  let rest = Buffer.from(bytes);
  const messages: Buffer[] = [];
  while (rest.length >= 4) {
    const end = 4 + rest.readUInt32BE(0);
    if (rest.length < end) break;
    messages.push(rest.subarray(4, end));
    rest = rest.subarray(end);
  }
  return { messages, rest };
}

/** Reads fields one after another; what is not there is empty. Bytes are characters of the same number. */
export class Fields {
  readonly #message: Buffer;
  #at = 1;

  constructor(message: Buffer) {
    this.#message = message;
  }

  number(): number {
    this.#at += 4;
    return this.#at <= this.#message.length ? this.#message.readUInt32BE(this.#at - 4) : 0;
  }

  flag(): boolean {
    this.#at += 1;
    return (this.#message[this.#at - 1] ?? 0) !== 0;
  }

  text(): string {
    const length = this.number();
    const text = this.#message.toString('latin1', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }
}
