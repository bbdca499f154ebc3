/** Messages on a TCP connection: each behind its length in two bytes (RFC 1035, section 4.2.2). Holds at most one that is not whole. */
export class MessageReader {
  #held: Buffer = Buffer.alloc(0);

  /** The messages that are whole now. */
  receive(bytes: Buffer): readonly Buffer[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const messages: Buffer[] = [];
    while (this.#held.length >= 2) {
      const end = 2 + this.#held.readUInt16BE(0);
      if (this.#held.length < end) break;
      messages.push(this.#held.subarray(2, end));
      this.#held = this.#held.subarray(end);
    }
    return messages;
  }
}

/** A message with its length in front. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}
