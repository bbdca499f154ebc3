import { concatenate } from '../../concatenate.ts';
import { readInt16, readInt32 } from './codec.ts';
import { type CopyMasker, type FieldMasker, type MaskedPiece, ROW_BYTES_MAX } from './copy-masker.ts';

const SIGNATURE = Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1');
const EMPTY = new Uint8Array(0);

/** COPY's binary format: a header, rows of length-prefixed fields, a trailer of -1 (documentation of COPY, "Binary Format"). */
export class BinaryRows implements CopyMasker {
  readonly #fields: FieldMasker;
  #rest: Uint8Array = EMPTY;
  #place: 'Header' | 'Rows' | 'Over' = 'Header';

  constructor(fields: FieldMasker, midway: boolean) {
    this.#fields = fields;
    if (midway) this.#place = 'Rows';
  }

  mask(piece: Uint8Array): MaskedPiece | undefined {
    const data = this.#rest.length === 0 ? piece : concatenate([this.#rest, piece]);
    this.#fields.maskedValues = 0;
    const written: Uint8Array[] = [];
    let rows = 0;
    let at = 0;
    if (this.#place === 'Header') {
      const length = headerLength(data);
      if (length === undefined) return undefined;
      if (length > 0) {
        written.push(data.subarray(0, length));
        at = length;
        this.#place = 'Rows';
      }
    }
    while (this.#place === 'Rows' && at + 2 <= data.length) {
      const count = readInt16(data, at);
      if (count === -1) {
        written.push(data.subarray(at, at + 2));
        at += 2;
        this.#place = 'Over';
        break;
      }
      const end = rowEnd(data, at, count);
      if (end === undefined) return undefined;
      if (end === 0) break;
      this.#row(data, at, count, written);
      rows++;
      at = end;
    }
    const left = data.length - at;
    if (left > ROW_BYTES_MAX || (this.#place === 'Over' && left > 0)) return undefined;
    this.#rest = left === 0 ? EMPTY : Uint8Array.from(data.subarray(at));
    return { bytes: concatenate(written), rows, maskedValues: this.#fields.maskedValues };
  }

  end(): MaskedPiece | undefined {
    return this.#rest.length === 0 ? { bytes: EMPTY, rows: 0, maskedValues: 0 } : undefined;
  }

  #row(data: Uint8Array, start: number, count: number, written: Uint8Array[]): void {
    written.push(data.subarray(start, start + 2));
    let at = start + 2;
    for (let column = 0; column < count; column++) {
      const size = readInt32(data, at);
      at += 4;
      const value = size < 0 ? null : data.subarray(at, at + size);
      if (value !== null) at += size;
      const masked = this.#fields.field(column, value);
      const length = Buffer.allocUnsafe(4);
      length.writeInt32BE(masked === null ? -1 : masked.length);
      written.push(length);
      if (masked !== null) written.push(masked);
    }
  }
}

/** 0: not all there yet; undefined: no header of this format. OIDs in rows (bit 16) ended with PostgreSQL 12. */
function headerLength(data: Uint8Array): number | undefined {
  const known = Math.min(data.length, SIGNATURE.length);
  if (Buffer.compare(data.subarray(0, known), SIGNATURE.subarray(0, known)) !== 0) return undefined;
  if (data.length < 19) return 0;
  const extension = readInt32(data, 15);
  if (readInt32(data, 11) !== 0 || extension < 0 || extension > ROW_BYTES_MAX) return undefined;
  return data.length < 19 + extension ? 0 : 19 + extension;
}

/** Where the row ends; 0: not all there yet; undefined: malformed. */
function rowEnd(data: Uint8Array, start: number, count: number): number | undefined {
  if (count < 0) return undefined;
  let at = start + 2;
  for (let column = 0; column < count; column++) {
    if (at + 4 > data.length) return 0;
    const size = readInt32(data, at);
    if (size < -1) return undefined;
    at += 4 + Math.max(size, 0);
    if (at > data.length) return 0;
  }
  return at;
}
