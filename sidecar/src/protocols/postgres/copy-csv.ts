import { asLatin1 } from './codec.ts';
import { type CopyMasker, type FieldMasker, type MaskedPiece, ROW_BYTES_MAX } from './copy-masker.ts';
import type { CopyShape } from './sql-reading.ts';

/** COPY's CSV format: fields may be quoted, and newlines and delimiters may stand inside quotes (documentation of COPY, "CSV Format"). */
export class CsvRows implements CopyMasker {
  readonly #shape: CopyShape;
  readonly #fields: FieldMasker;
  #header: boolean;
  #rest = '';

  constructor(shape: CopyShape, fields: FieldMasker) {
    this.#shape = shape;
    this.#fields = fields;
    this.#header = shape.header;
  }

  mask(piece: Uint8Array): MaskedPiece | undefined {
    return this.#rows(this.#rest + asLatin1(piece), false);
  }

  end(): MaskedPiece | undefined {
    return this.#rows(this.#rest, true);
  }

  #rows(data: string, over: boolean): MaskedPiece | undefined {
    this.#fields.maskedValues = 0;
    let written = '';
    let rows = 0;
    let at = 0;
    while (at < data.length) {
      const row = readRow(data, at, this.#shape, over);
      if (row === undefined) break;
      if (this.#header) {
        this.#header = false;
        written += data.slice(at, row.end);
      } else {
        rows++;
        written += this.#row(row.fields) + row.newline;
      }
      at = row.end;
    }
    this.#rest = data.slice(at);
    if (this.#rest.length > ROW_BYTES_MAX || (over && this.#rest !== '')) return undefined;
    return { bytes: Buffer.from(written, 'latin1'), rows, maskedValues: this.#fields.maskedValues };
  }

  #row(fields: readonly CsvField[]): string {
    const { nullText, delimiter, quote, escape } = this.#shape;
    return fields
      .map(({ raw, value, quoted }, column) => {
        if (!quoted && value === nullText) return raw;
        const bytes = Buffer.from(value, 'latin1');
        const masked = this.#fields.field(column, bytes);
        if (masked === bytes) return raw;
        if (masked === null) return nullText;
        const text = asLatin1(masked);
        const escaped = text.replaceAll(escape, escape + escape);
        return quote + (escape === quote ? escaped : escaped.replaceAll(quote, escape + quote)) + quote;
      })
      .join(delimiter);
  }
}

interface CsvField {
  readonly raw: string;
  readonly value: string;
  readonly quoted: boolean;
}

interface CsvRow {
  readonly fields: readonly CsvField[];
  readonly newline: string;
  readonly end: number;
}

/** One row from `start`, or undefined when its end is not there yet. `over`: the end of the data ends the row. */
function readRow(data: string, start: number, shape: CopyShape, over: boolean): CsvRow | undefined {
  const { delimiter, quote, escape } = shape;
  const plain = plainRow(data, start, delimiter, quote);
  if (plain !== undefined) return plain;
  const fields: CsvField[] = [];
  let fieldStart = start;
  let value = '';
  let quoted = false;
  let inside = false;
  for (let at = start; at < data.length; at++) {
    const character = data.charAt(at);
    if (inside) {
      if (character === escape && at + 1 >= data.length && !over) return undefined;
      const next = data.charAt(at + 1);
      if (character === escape && (next === quote || next === escape)) {
        value += next;
        at++;
      } else if (character === quote) inside = false;
      else value += character;
    } else if (character === quote) {
      inside = true;
      quoted = true;
    } else if (character === delimiter) {
      fields.push({ raw: data.slice(fieldStart, at), value, quoted });
      fieldStart = at + 1;
      value = '';
      quoted = false;
    } else if (character === '\n') {
      const carriage = data.charAt(at - 1) === '\r' && value.endsWith('\r');
      const stop = carriage ? at - 1 : at;
      fields.push({ raw: data.slice(fieldStart, stop), value: carriage ? value.slice(0, -1) : value, quoted });
      return { fields, newline: data.slice(stop, at + 1), end: at + 1 };
    } else value += character;
  }
  if (!over || inside) return undefined;
  fields.push({ raw: data.slice(fieldStart), value, quoted });
  return { fields, newline: '', end: data.length };
}

/** A row without quotes, which needs no look at each character; undefined when it is not one, or not all there. */
function plainRow(data: string, start: number, delimiter: string, quote: string): CsvRow | undefined {
  const newline = data.indexOf('\n', start);
  if (newline < 0) return undefined;
  const end = data.charAt(newline - 1) === '\r' && newline > start ? newline - 1 : newline;
  const row = data.slice(start, end);
  if (row.includes(quote)) return undefined;
  const fields = row.split(delimiter).map((raw) => ({ raw, value: raw, quoted: false }));
  return { fields, newline: data.slice(end, newline + 1), end: newline + 1 };
}
