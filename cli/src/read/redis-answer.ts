import type { AnswerItem } from './postgres-answer.ts';
import { printable } from './printable.ts';

/** A value longer than this is cut. */
const VALUE_CHARACTERS_MAX = 200;
const DEPTH_MAX = 128;
/** What is gathered up to here is tried with every piece; more only when it has doubled. */
const TRIED_BYTES_MAX = 64 * 1024;

/**
 * Reads replies of Redis (RESP2 and RESP3) from pieces that are cut anywhere, and shows each as redis-cli does: numbered lists, strings in
 * double quotes. Never throws.
 */
export class RedisAnswer {
  #rest: Buffer = Buffer.alloc(0);
  #tried = 0;
  #isBroken = false;

  /** What became readable with this piece. */
  *add(piece: Uint8Array): Generator<AnswerItem> {
    if (this.#isBroken) return;
    this.#rest = Buffer.concat([this.#rest, piece]);
    if (this.#rest.length > TRIED_BYTES_MAX && this.#rest.length < this.#tried * 2) return;
    yield* this.rest();
  }

  /** What is readable and was not tried yet. */
  *rest(): Generator<AnswerItem> {
    while (this.#rest.length > 0 && !this.#isBroken) {
      const reading = new Reading(this.#rest);
      const lines = reading.value(0);
      if (lines === undefined) {
        this.#tried = this.#rest.length;
        return;
      }
      if (reading.isBroken) {
        this.#isBroken = true;
        yield { kind: 'Unreadable', bytes: this.#rest.length };
        return;
      }
      this.#rest = this.#rest.subarray(reading.at);
      this.#tried = 0;
      yield { kind: 'Lines', lines };
    }
  }
}

/** Reads one reply; `value` is undefined when it is not whole. */
class Reading {
  at = 0;
  isBroken = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(depth: number): readonly string[] | undefined {
    const end = this.#bytes.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const type = String.fromCharCode(this.#bytes[this.at] ?? 0);
    const line = this.#bytes.toString('utf8', this.at + 1, end);
    this.at = end + 2;
    if (depth > DEPTH_MAX) return this.#broken();
    switch (type) {
      case '+':
        return [printable(line)];
      case '-':
        return [`(error) ${printable(line)}`];
      case ':':
        return [`(integer) ${printable(line)}`];
      case ',':
        return [`(double) ${printable(line)}`];
      case '(':
        return [printable(line)];
      case '#':
        return [line === 't' ? '(true)' : '(false)'];
      case '_':
        return ['(nil)'];
      case '$':
      case '=':
      case '!':
        return this.#bulk(type, Number(line));
      case '*':
      case '~':
      case '>':
      case '%':
      case '|':
        return this.#list(type, Number(line), depth);
      default:
        return this.#broken();
    }
  }

  #bulk(type: string, length: number): readonly string[] | undefined {
    if (length === -1) return ['(nil)'];
    if (!Number.isSafeInteger(length) || length < 0) return this.#broken();
    if (this.#bytes.length < this.at + length + 2) return undefined;
    const text = this.#bytes.toString('utf8', this.at, this.at + length);
    this.at += length + 2;
    const cut = text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX - 1)}…`;
    if (type === '!') return [`(error) ${printable(cut)}`];
    // Long texts of more lines (INFO) read as redis-cli shows them to a program.
    if (type === '=' || (/\r?\n/u.test(text) && text.length > 80)) return printable(text, 'keep').trimEnd().split('\n');
    return [JSON.stringify(printable(cut))];
  }

  #list(type: string, count: number, depth: number): readonly string[] | undefined {
    if (count === -1) return ['(nil)'];
    if (!Number.isSafeInteger(count) || count < 0) return this.#broken();
    const isMap = type === '%' || type === '|';
    if (count === 0) return [isMap ? '(empty hash)' : '(empty array)'];
    const lines: string[] = [];
    const width = String(count).length;
    for (let index = 1; index <= count; index += 1) {
      const name = isMap ? this.value(depth + 1) : [];
      const value = name === undefined ? undefined : this.value(depth + 1);
      if (name === undefined || value === undefined) return undefined;
      if (this.isBroken) return [];
      const head = `${String(index).padStart(width)}${type === '~' ? '~' : isMap ? '#' : ')'} `;
      const named = isMap ? `${name.join(' ')} => ` : '';
      const [first = '', ...more] = value;
      const isNested = isMap && more.length > 0;
      lines.push(head + named + (isNested ? '' : first));
      const indent = ' '.repeat(head.length);
      for (const one of isNested ? value : more) lines.push(indent + one);
    }
    return type === '>' ? ['(push)', ...lines] : lines;
  }

  #broken(): readonly string[] {
    this.isBroken = true;
    return [];
  }
}
