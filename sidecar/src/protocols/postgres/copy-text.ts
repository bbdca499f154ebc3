import { asLatin1, concatenate } from './codec.ts';
import { type CopyMasker, type FieldMasker, type MaskedPiece, ROW_BYTES_MAX } from './copy-masker.ts';
import type { CopyShape } from './sql-reading.ts';

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/** COPY's text format: a row ends at a newline, a field at the delimiter; a backslash escapes both (documentation of COPY, "Text Format"). */
export class TextRows implements CopyMasker {
  readonly #delimiter: number;
  readonly #nullText: string;
  readonly #fields: FieldMasker;
  #header: boolean;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(shape: CopyShape, fields: FieldMasker) {
    this.#delimiter = shape.delimiter.charCodeAt(0);
    this.#nullText = shape.nullText;
    this.#fields = fields;
    this.#header = shape.header;
  }

  mask(piece: Uint8Array): MaskedPiece | undefined {
    const data = this.#rest.length === 0 ? piece : concatenate([this.#rest, piece]);
    const rows: Uint8Array[] = [];
    this.#fields.maskedValues = 0;
    let count = 0;
    let start = 0;
    for (;;) {
      // A newline in a value is always written as \n, so the next one ends the row.
      const newline = data.indexOf(NEWLINE, start);
      if (newline < 0) break;
      const row = data.subarray(start, newline);
      start = newline + 1;
      if (this.#header) {
        this.#header = false;
        rows.push(data.subarray(start - row.length - 1, start));
        continue;
      }
      count++;
      rows.push(this.#row(row), Uint8Array.of(NEWLINE));
    }
    if (data.length - start > ROW_BYTES_MAX) return undefined;
    this.#rest = start === data.length ? new Uint8Array(0) : Uint8Array.from(data.subarray(start));
    return { bytes: concatenate(rows), rows: count, maskedValues: this.#fields.maskedValues };
  }

  end(): MaskedPiece {
    this.#fields.maskedValues = 0;
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    if (rest.length === 0) return { bytes: rest, rows: 0, maskedValues: 0 };
    return { bytes: this.#row(rest), rows: 1, maskedValues: this.#fields.maskedValues };
  }

  #row(row: Uint8Array): Uint8Array {
    if (row.length === 2 && row[0] === BACKSLASH && row[1] === 0x2e) return row;
    const { plans } = this.#fields;
    const parts: Uint8Array[] = [];
    const separator = Uint8Array.of(this.#delimiter);
    let column = 0;
    let start = 0;
    for (let at = 0; at <= row.length; at++) {
      const byte = row[at];
      if (byte === BACKSLASH) at++;
      else if (at === row.length || byte === this.#delimiter) {
        if (column > 0) parts.push(separator);
        const raw = row.subarray(start, at);
        const passes = column < plans.length && plans[column] === undefined;
        parts.push(passes ? raw : this.#field(column, raw));
        column++;
        start = at + 1;
      }
    }
    // A lone backslash at the end escapes nothing; what it belongs to was not seen.
    if (start <= row.length && row.length > 0 && row.at(-1) === BACKSLASH && !endsEscaped(row))
      return new Uint8Array(0);
    return concatenate(parts);
  }

  #field(column: number, raw: Uint8Array): Uint8Array {
    const text = asLatin1(raw);
    if (text === this.#nullText) return raw;
    const value = Buffer.from(unescapeText(text), 'latin1');
    const masked = this.#fields.field(column, value);
    if (masked === value) return raw;
    if (masked === null) return Buffer.from(this.#nullText, 'latin1');
    return Buffer.from(escapeText(asLatin1(masked), String.fromCharCode(this.#delimiter)), 'latin1');
  }
}

function endsEscaped(row: Uint8Array): boolean {
  let backslashes = 0;
  for (let at = row.length - 1; at >= 0 && row[at] === BACKSLASH; at--) backslashes++;
  return backslashes % 2 === 0;
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A field of COPY's text format as the value it stands for; one character is one byte. */
export function unescapeText(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([^]))/gu, (_, hex, octal, other) => {
    if (typeof hex === 'string') return String.fromCharCode(Number.parseInt(hex, 16));
    if (typeof octal === 'string') return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    const character = String(other);
    return ESCAPES[character] ?? character;
  });
}

/** The opposite. */
export function escapeText(text: string, delimiter: string): string {
  let escaped = '';
  for (const character of text) {
    const named = Object.keys(ESCAPES).find((letter) => ESCAPES[letter] === character);
    if (named !== undefined) escaped += `\\${named}`;
    else if (character === '\\' || character === delimiter) escaped += `\\${character}`;
    else escaped += character;
  }
  return escaped;
}
