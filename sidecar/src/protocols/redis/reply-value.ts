import { asLatin1, TYPE } from './codec.ts';
import type { ReplyReader } from './reply-reader.ts';

/** A reply as a tree, for what the gate itself asks. A map is the list of its names and values. */
export type ReplyValue =
  | { readonly kind: 'Text'; readonly text: string }
  | { readonly kind: 'Error'; readonly text: string }
  | { readonly kind: 'Null' }
  | { readonly kind: 'List'; readonly items: readonly ReplyValue[] };

/** Builds one reply from the tokens of a reader. */
export class ReplyBuilder {
  readonly #reader: ReplyReader;
  readonly #stack: ReplyValue[][] = [];

  constructor(reader: ReplyReader) {
    this.#reader = reader;
  }

  /** The next whole reply; 'More' when it is not there yet, undefined when it cannot be read. */
  next(): ReplyValue | 'More' | undefined {
    for (;;) {
      const reader = this.#reader;
      const token = reader.next();
      if (token === 'More') return 'More';
      if (token === 'Big') reader.whole();
      if (token === 'Open' && reader.type === TYPE.attribute) return undefined;
      if (token === 'Open') this.#stack.push([]);
      if (token === 'Malformed' || token === 'TooLarge' || token === 'Piece' || token === 'Closed') return undefined;
      if (token !== 'Leaf') continue;
      let value = this.#leaf();
      const before = reader.frames.length;
      reader.done();
      for (let closed = before - reader.frames.length; closed > 0; closed--) {
        const items = this.#stack.pop() ?? [];
        items.push(value);
        value = { kind: 'List', items };
      }
      const parent = this.#stack.at(-1);
      if (parent === undefined) return value;
      parent.push(value);
    }
  }

  #leaf(): ReplyValue {
    const { type, buffer, bodyStart, bodyEnd, isNull } = this.#reader;
    if (isNull) return { kind: 'Null' };
    const text = asLatin1(buffer.subarray(bodyStart, bodyEnd));
    switch (type) {
      case TYPE.array:
      case TYPE.set:
      case TYPE.map:
      case TYPE.push:
        return { kind: 'List', items: [] };
      case TYPE.error:
      case TYPE.bulkError:
        return { kind: 'Error', text };
      default:
        return { kind: 'Text', text };
    }
  }
}
