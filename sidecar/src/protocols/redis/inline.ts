import { asLatin1 } from './codec.ts';

const SPACES = new Set([0x20, 0x0a, 0x0d, 0x09, 0x0b, 0x0c, 0x00]);
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x61, 0x07],
]);
const DOUBLE = 0x22;
const SINGLE = 0x27;
const BACKSLASH = 0x5c;

/** The words of an inline command as Redis splits it: double quotes with escapes, single quotes. Undefined: the quotes are not balanced. */
export function splitInline(line: Uint8Array): readonly Uint8Array[] | undefined {
  const words: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at])) at++;
    if (at >= line.length) return words;
    const word: number[] = [];
    while (at < line.length && !isSpace(line[at])) {
      const byte = line[at] ?? 0;
      if (byte !== DOUBLE && byte !== SINGLE) {
        word.push(byte);
        at++;
        continue;
      }
      const end = byte === DOUBLE ? readDouble(line, at + 1, word) : readSingle(line, at + 1, word);
      // A closing quote ends the word.
      if (end === undefined || (end < line.length && !isSpace(line[end]))) return undefined;
      at = end;
    }
    words.push(Uint8Array.from(word));
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte !== undefined && SPACES.has(byte);
}

function readDouble(line: Uint8Array, start: number, word: number[]): number | undefined {
  let at = start;
  for (;;) {
    const byte = line[at];
    if (byte === undefined) return undefined;
    if (byte === DOUBLE) return at + 1;
    if (byte !== BACKSLASH || at + 1 >= line.length) {
      word.push(byte);
      at++;
      continue;
    }
    const hex = /^x[\da-fA-F]{2}$/.exec(asLatin1(line.subarray(at + 1, at + 4)))?.[0];
    if (hex === undefined) {
      const escaped = line[at + 1] ?? 0;
      word.push(ESCAPES.get(escaped) ?? escaped);
      at += 2;
    } else {
      word.push(Number.parseInt(hex.slice(1), 16));
      at += 4;
    }
  }
}

function readSingle(line: Uint8Array, start: number, word: number[]): number | undefined {
  let at = start;
  for (;;) {
    const byte = line[at];
    if (byte === undefined) return undefined;
    if (byte === SINGLE) return at + 1;
    if (byte === BACKSLASH && line[at + 1] === SINGLE) {
      word.push(SINGLE);
      at += 2;
    } else {
      word.push(byte);
      at++;
    }
  }
}
