import { concatenate } from '../../concatenate.ts';
import { asLatin1 } from './codec.ts';
import { type CopyMasker, type FieldMasker, type MaskedPiece, ROW_BYTES_MAX } from './copy-masker.ts';
import type { CopyShape } from './sql-reading.ts';

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const NEWLINE_BYTE = Uint8Array.of(NEWLINE);
const EMPTY = new Uint8Array(0);

/** COPY's text format: a row ends at a newline, a field at the delimiter; a backslash escapes both (documentation of COPY, "Text Format"). */
export class TextRows implements CopyMasker {
  readonly #delimiter: number;
  readonly #separator: Uint8Array;
  readonly #nullText: string;
  readonly #fields: FieldMasker;
  #header: boolean;
  #rest: Uint8Array = EMPTY;

  constructor(shape: CopyShape, fields: FieldMasker) {
    this.#delimiter = shape.delimiter.charCodeAt(0);
    this.#separator = Uint8Array.of(this.#delimiter);
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
      const masked = this.#row(row);
      if (masked === row) rows.push(data.subarray(start - row.length - 1, start));
      else rows.push(masked, NEWLINE_BYTE);
    }
    if (data.length - start > ROW_BYTES_MAX) return undefined;
    this.#rest = start === data.length ? EMPTY : Uint8Array.from(data.subarray(start));
    return { bytes: concatenate(rows), rows: count, maskedValues: this.#fields.maskedValues };
  }

  end(): MaskedPiece {
    this.#fields.maskedValues = 0;
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length === 0) return { bytes: rest, rows: 0, maskedValues: 0 };
    return { bytes: this.#row(rest), rows: 1, maskedValues: this.#fields.maskedValues };
  }

  /** The row with masks applied: the same bytes when nothing changes. */
  #row(row: Uint8Array): Uint8Array {
    if (row.length === 2 && row[0] === BACKSLASH && row[1] === 0x2e) return row;
    // A lone backslash at the end escapes nothing; what it belongs to was not seen.
    if (row.at(-1) === BACKSLASH && !endsEscaped(row)) return EMPTY;
    const { plans } = this.#fields;
    const delimiter = this.#delimiter;
    const parts: Uint8Array[] = [];
    let changed = false;
    let column = 0;
    let start = 0;
    let backslash = row.indexOf(BACKSLASH);
    for (;;) {
      let end = row.indexOf(delimiter, start);
      // A backslash takes the next byte with it, also a delimiter.
      while (backslash >= 0 && (end < 0 || backslash < end)) {
        const after = backslash + 2;
        if (end >= 0 && end < after) end = row.indexOf(delimiter, after);
        backslash = row.indexOf(BACKSLASH, after);
      }
      const raw = row.subarray(start, end < 0 ? row.length : end);
      const masked = column < plans.length && plans[column] === undefined ? raw : this.#field(column, raw);
      if (masked !== raw) changed = true;
      if (column > 0) parts.push(this.#separator);
      parts.push(masked);
      column++;
      if (end < 0) return changed ? concatenate(parts) : row;
      start = end + 1;
    }
  }

  #field(column: number, raw: Uint8Array): Uint8Array {
    const text = asLatin1(raw);
    if (text === this.#nullText) return raw;
    const value = text.includes('\\') ? Buffer.from(unescapeText(text), 'latin1') : raw;
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
