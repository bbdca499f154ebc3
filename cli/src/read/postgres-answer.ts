import { printable } from './printable.ts';

/** One thing that a PostgreSQL server said. Values are text; undefined is NULL. */
export type AnswerItem =
  | { readonly kind: 'Columns'; readonly columns: readonly AnswerColumn[] }
  | { readonly kind: 'Row'; readonly values: readonly (string | undefined)[] }
  | { readonly kind: 'Complete'; readonly tag: string }
  | { readonly kind: 'Suspended' }
  | { readonly kind: 'CopyData'; readonly text: string }
  | { readonly kind: 'Error' | 'Notice'; readonly fields: ReportFields }
  | { readonly kind: 'Notification'; readonly channel: string; readonly payload: string }
  /** Lines for a person, of a protocol whose answers are no tables. */
  | { readonly kind: 'Lines'; readonly lines: readonly string[] }
  /** Bytes that are no message of protocol 3; nothing after them is read. */
  | { readonly kind: 'Unreadable'; readonly bytes: number };

export interface AnswerColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly binary: boolean;
}

export interface ReportFields {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

/** A message longer than this is not believed. */
const MESSAGE_BYTES_MAX = 1024 * 1024 * 1024;

const HEADER_BYTES = 5;

/**
 * Reads backend messages (PostgreSQL protocol 3.0 and 3.2, "Message Formats") from pieces that are cut anywhere. Messages that carry
 * no content for a reader (ReadyForQuery, ParseComplete ...) give nothing. Never throws.
 */
export class PostgresAnswer {
  /** What came of the message that is not whole yet. Joined once it is: a value of 500 MiB comes in a thousand pieces. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #neededBytes = HEADER_BYTES;
  #columns: readonly AnswerColumn[] = [];
  #broken = false;

  /** What became readable with this piece. */
  *add(piece: Uint8Array): Generator<AnswerItem> {
    if (this.#broken) return;
    this.#rest.push(piece);
    this.#restBytes += piece.length;
    if (this.#restBytes < this.#neededBytes) return;
    const [only] = this.#rest;
    const bytes = only !== undefined && this.#rest.length === 1 ? only : Buffer.concat(this.#rest);
    this.#neededBytes = HEADER_BYTES;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at + 1);
      if (length < 4 || length > MESSAGE_BYTES_MAX) {
        yield this.#breakAt(bytes.length - at);
        return;
      }
      if (bytes.length - at < 1 + length) {
        this.#neededBytes = 1 + length;
        break;
      }
      const type = String.fromCharCode(bytes[at] ?? 0);
      const item = this.#read(type, new Reading(bytes.subarray(at + HEADER_BYTES, at + 1 + length)));
      if (item === 'broken') {
        yield this.#breakAt(bytes.length - at);
        return;
      }
      if (item !== undefined) yield item;
      at += 1 + length;
    }
    this.#rest = at === bytes.length ? [] : [bytes.slice(at)];
    this.#restBytes = bytes.length - at;
  }

  #breakAt(bytes: number): AnswerItem {
    this.#broken = true;
    this.#rest = [];
    return { kind: 'Unreadable', bytes };
  }

  #read(type: string, body: Reading): AnswerItem | 'broken' | undefined {
    const item = this.#item(type, body);
    return body.cut ? 'broken' : item;
  }

  #item(type: string, body: Reading): AnswerItem | undefined {
    switch (type) {
      case 'T':
        this.#columns = readColumns(body);
        return { kind: 'Columns', columns: this.#columns };
      case 'D':
        return { kind: 'Row', values: this.#values(body) };
      case 'C':
        return { kind: 'Complete', tag: body.text() };
      case 's':
        return { kind: 'Suspended' };
      case 'd':
        return { kind: 'CopyData', text: showValue(body.rest()) };
      case 'E':
        return { kind: 'Error', fields: readReport(body) };
      case 'N':
        return { kind: 'Notice', fields: readReport(body) };
      case 'A':
        body.int32();
        return { kind: 'Notification', channel: body.text(), payload: body.text() };
      default:
        return undefined;
    }
  }

  #values(body: Reading): (string | undefined)[] {
    const count = body.int16();
    const values: (string | undefined)[] = [];
    for (let at = 0; at < count && !body.cut; at += 1) {
      const length = body.int32();
      // An answer to Execute alone has no description; then only the bytes themselves tell what they are.
      const column = this.#columns.length === count ? this.#columns[at] : undefined;
      values.push(length === -1 ? undefined : decodeValue(body.bytes(length), column));
    }
    return values;
  }
}

function readColumns(body: Reading): AnswerColumn[] {
  const count = body.int16();
  const columns: AnswerColumn[] = [];
  for (let at = 0; at < count && !body.cut; at += 1) {
    const name = body.text();
    body.bytes(6);
    const typeOid = body.int32();
    body.bytes(6);
    columns.push({ name, typeOid, binary: body.int16() === 1 });
  }
  return columns;
}

function readReport(body: Reading): ReportFields {
  const fields = new Map<string, string>();
  while (!body.cut) {
    const code = body.int8();
    if (code === 0) break;
    fields.set(String.fromCharCode(code), body.text());
  }
  const field = (code: string): string => fields.get(code) ?? '';
  return {
    severity: fields.get('V') ?? field('S'),
    code: field('C'),
    message: field('M'),
    detail: field('D'),
    hint: field('H'),
  };
}

/** Microseconds from the epoch to 2000-01-01, from which PostgreSQL counts. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;

function decodeValue(bytes: Uint8Array, column: AnswerColumn | undefined): string {
  if (column?.binary !== true) return showValue(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = BINARY[column.typeOid];
  return decoder === undefined || decoder.bytes !== bytes.length ? showValue(bytes) : decoder.read(view);
}

/** Types whose binary form a person cannot read, by OID in pg_type. */
const BINARY: Readonly<Record<number, { readonly bytes: number; readonly read: (view: DataView) => string }>> = {
  16: { bytes: 1, read: (view) => (view.getUint8(0) === 0 ? 'f' : 't') },
  20: { bytes: 8, read: (view) => String(view.getBigInt64(0)) },
  21: { bytes: 2, read: (view) => String(view.getInt16(0)) },
  23: { bytes: 4, read: (view) => String(view.getInt32(0)) },
  26: { bytes: 4, read: (view) => String(view.getUint32(0)) },
  700: { bytes: 4, read: (view) => String(Math.fround(view.getFloat32(0))) },
  701: { bytes: 8, read: (view) => String(view.getFloat64(0)) },
  1082: { bytes: 4, read: (view) => showInstant(BigInt(view.getInt32(0)) * 86_400_000_000n).slice(0, 10) },
  1114: { bytes: 8, read: (view) => showInstant(view.getBigInt64(0)).replace('Z', '') },
  1184: { bytes: 8, read: (view) => showInstant(view.getBigInt64(0)) },
  2950: { bytes: 16, read: showUuid },
};

function showInstant(sincePostgresEpochUs: bigint): string {
  const ms = Number((sincePostgresEpochUs + POSTGRES_EPOCH_US) / 1000n);
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${sincePostgresEpochUs} us` : date.toISOString().replace('T', ' ');
}

function showUuid(view: DataView): string {
  const hex = Buffer.from(view.buffer, view.byteOffset, 16).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}

/** Text as text; anything else in hexadecimal, as bytea is shown. */
function showValue(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return printable(text, 'keep').includes('\\x00') ? showHex(bytes) : text;
  } catch {
    return showHex(bytes);
  }
}

function showHex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`;
}

/** Reads fields one after another. Where they end too early, `cut` is set and zeros and empty texts come. */
class Reading {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  cut = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  int8(): number {
    return this.#take(1) ? this.#view.getUint8(this.#at - 1) : 0;
  }

  int16(): number {
    return this.#take(2) ? this.#view.getInt16(this.#at - 2) : 0;
  }

  int32(): number {
    return this.#take(4) ? this.#view.getInt32(this.#at - 4) : 0;
  }

  bytes(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.subarray(this.#at - length, this.#at) : new Uint8Array();
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  /** A text that ends with a zero byte. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) {
      this.cut = true;
      return '';
    }
    const text = showValue(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  #take(length: number): boolean {
    if (this.cut || length < 0 || this.#at + length > this.#bytes.length) {
      this.cut = true;
      return false;
    }
    this.#at += length;
    return true;
  }
}
