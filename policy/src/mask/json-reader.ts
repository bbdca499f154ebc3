import { assertNever } from '@sidegate/crds';

/** What a value is, told by its first character. */
export type JsonKind = 'Object' | 'Array' | 'String' | 'Number' | 'Literal' | 'None';

const LITERALS: readonly string[] = ['true', 'false', 'null'];

/** Reads JSON (RFC 8259) by positions, without building values. Accepts exactly what JSON.parse accepts. */
export class JsonReader {
  readonly #text: string;
  place = 0;

  constructor(text: string) {
    this.#text = text;
  }

  kind(): JsonKind {
    const code = this.#text.charCodeAt(this.place);
    if (code === 123) return 'Object';
    if (code === 91) return 'Array';
    if (code === 34) return 'String';
    if (code === 45 || isDecimal(code)) return 'Number';
    return code === 116 || code === 102 || code === 110 ? 'Literal' : 'None';
  }

  isAtEnd(): boolean {
    return this.place === this.#text.length;
  }

  skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.place);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.place += 1;
    }
  }

  /** Takes one mark and the white space after it. */
  take(mark: string): boolean {
    if (!this.takeLast(mark)) return false;
    this.skipSpace();
    return true;
  }

  /** Takes one mark and nothing after it: the end of a value. */
  takeLast(mark: string): boolean {
    if (this.#text[this.place] !== mark) return false;
    this.place += 1;
    return true;
  }

  /** Reads one string, number or literal from the place on; false when it is malformed. */
  readScalar(kind: JsonKind): boolean {
    switch (kind) {
      case 'String':
        return this.#readString();
      case 'Number':
        return this.#readNumber();
      case 'Literal': {
        const literal = LITERALS.find((word) => this.#text.startsWith(word, this.place));
        this.place += literal?.length ?? 0;
        return literal !== undefined;
      }
      case 'Object':
      case 'Array':
      case 'None':
        return false;
      default:
        return assertNever(kind);
    }
  }

  /** The characters of the string that stands, with its quotes, from `start` to `end`. */
  decodeString(start: number, end: number): string {
    const raw = this.#text.slice(start, end);
    return raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
  }

  #readString(): boolean {
    if (this.#text.charCodeAt(this.place) !== 34) return false;
    let place = this.place + 1;
    for (;;) {
      const code = this.#text.charCodeAt(place);
      if (code === 34) {
        this.place = place + 1;
        return true;
      }
      if (code === 92) {
        const length = this.#escapeLength(place);
        if (length === 0) return false;
        place += length;
      } else if (code >= 32) {
        place += 1;
      } else {
        // A control character, or NaN: the end of the text.
        return false;
      }
    }
  }

  #escapeLength(place: number): number {
    const escape = this.#text[place + 1];
    if (escape === undefined) return 0;
    if (escape !== 'u') return '"\\/bfnrt'.includes(escape) ? 2 : 0;
    for (let digit = 2; digit < 6; digit += 1) if (!isHexadecimal(this.#text.charCodeAt(place + digit))) return 0;
    return 6;
  }

  #readNumber(): boolean {
    if (this.#text[this.place] === '-') this.place += 1;
    const start = this.place;
    if (!this.#readDigits()) return false;
    if (this.#text[start] === '0' && this.place > start + 1) return false;
    if (this.#text[this.place] === '.') {
      this.place += 1;
      if (!this.#readDigits()) return false;
    }
    if (this.#text[this.place] === 'e' || this.#text[this.place] === 'E') {
      this.place += 1;
      if (this.#text[this.place] === '+' || this.#text[this.place] === '-') this.place += 1;
      if (!this.#readDigits()) return false;
    }
    return true;
  }

  #readDigits(): boolean {
    const start = this.place;
    while (isDecimal(this.#text.charCodeAt(this.place))) this.place += 1;
    return this.place > start;
  }
}

function isDecimal(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isHexadecimal(code: number): boolean {
  const lower = code | 32;
  return isDecimal(code) || (lower >= 97 && lower <= 102);
}
