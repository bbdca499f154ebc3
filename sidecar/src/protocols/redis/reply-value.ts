import { asLatin1, TYPE } from './codec.ts';
import type { ReplyReader } from './reply-reader.ts';

/** A reply as a tree, for what the gate itself reads. A map is the list of its names and values. */
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
      if (token === 'Open') this.open();
      if (token === 'Malformed' || token === 'TooLarge' || token === 'Piece' || token === 'Closed') return undefined;
      if (token !== 'Leaf') continue;
      const whole = this.leaf();
      reader.done();
      if (whole !== undefined) return whole;
    }
  }

  /** Takes the `Open` that the reader gave: no attribute. */
  open(): void {
    this.#stack.push([]);
  }

  /** Takes the `Leaf` that the reader gave, before it is counted as read; the whole value when nothing of that is to come. */
  leaf(): ReplyValue | undefined {
    const { frames } = this.#reader;
    let value = this.#leaf();
    for (let level = frames.length - 1; ; level--) {
      const parent = this.#stack.at(-1);
      if (parent === undefined) return value;
      parent.push(value);
      const frame = frames[level];
      if (frame === undefined || frame.index + 1 < frame.count) return undefined;
      this.#stack.pop();
      value = { kind: 'List', items: parent };
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
      case TYPE.verbatim:
        // Behind three letters that say what it is, and a colon.
        return { kind: 'Text', text: text.slice(4) };
      default:
        return { kind: 'Text', text };
    }
  }
}

/** A member of a map, or of a list of names and values. */
export function memberOf(value: ReplyValue | undefined, name: string): ReplyValue | undefined {
  const items = listOf(value);
  for (let at = 0; at + 1 < items.length; at += 2) if (textOf(items[at]) === name) return items[at + 1];
  return undefined;
}

export function listOf(value: ReplyValue | undefined): readonly ReplyValue[] {
  return value?.kind === 'List' ? value.items : [];
}

export function textOf(value: ReplyValue | undefined): string {
  return value?.kind === 'Text' ? value.text : '';
}
