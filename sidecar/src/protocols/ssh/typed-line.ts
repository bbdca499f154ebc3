import { exactText, textOf } from './codec.ts';

const BACKSPACE = 0x7f;
const CONTROL = {
  c: 0x03,
  d: 0x04,
  h: 0x08,
  newline: 0x0a,
  l: 0x0c,
  return: 0x0d,
  o: 0x0f,
  u: 0x15,
  w: 0x17,
  escape: 0x1b,
};
/** What hands a line to a shell: Enter, and ^D and ^O, by which shells and terminals do the same. */
const ENDS: ReadonlySet<number> = new Set([CONTROL.newline, CONTROL.return, CONTROL.d, CONTROL.o]);
const LINE_BYTES_MAX = 4_096;

/** A line as it is typed, put together from keys: characters, backspace, ^U, ^W, ^C. Any other key that edits makes it one that cannot be told. */
export class TypedLine {
  #bytes: number[] = [];
  #isReadable = true;

  /** Takes keys up to the first that ends the line: its place, or -1. The key that ends it is not taken. */
  read(data: Uint8Array): number {
    for (const [at, key] of data.entries()) {
      if (ENDS.has(key)) return at;
      this.#take(key);
    }
    return -1;
  }

  /** Undefined: what stands in the line cannot be told. */
  get text(): string | undefined {
    if (!this.#isReadable) return undefined;
    return exactText(Uint8Array.from(this.#bytes));
  }

  get isEmpty(): boolean {
    return this.#isReadable && this.#bytes.length === 0;
  }

  /** The next line begins. */
  clear(): void {
    this.#bytes = [];
    this.#isReadable = true;
  }

  #take(key: number): void {
    if (key === CONTROL.c) return this.clear();
    if (key === CONTROL.l || !this.#isReadable) return undefined;
    if (key === BACKSPACE || key === CONTROL.h) return this.#removeCharacter();
    if (key === CONTROL.u) return this.#removeAll();
    if (key === CONTROL.w) return this.#removeWord();
    if (key < 0x20 || this.#bytes.length >= LINE_BYTES_MAX) this.#isReadable = false;
    else this.#bytes.push(key);
  }

  /** All bytes of the last character of UTF-8. */
  #removeCharacter(): void {
    while (((this.#bytes.pop() ?? 0) & 0xc0) === 0x80);
  }

  #removeAll(): void {
    this.#bytes = [];
  }

  /** Shells and terminals agree on words of letters and digits between spaces. */
  #removeWord(): void {
    const [removed = ''] = /\S*\s*$/.exec(textOf(Uint8Array.from(this.#bytes))) ?? [];
    if (!/^[A-Za-z0-9]*[ ]*$/.test(removed)) this.#isReadable = false;
    this.#bytes.length -= Buffer.byteLength(removed);
  }
}
