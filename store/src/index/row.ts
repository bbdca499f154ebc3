import type { SQLOutputValue } from 'node:sqlite';

/** One row as SQLite gives it. The readers below throw on another type: the schema is ours, so that is a bug. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} holds no integer`);
  return value;
}

/** 0 where the column is NULL. */
export function integerOrZero(row: Row, column: string): number {
  return row[column] === null ? 0 : integerOf(row, column);
}

export function booleanOf(row: Row, column: string): boolean {
  return integerOf(row, column) !== 0;
}

export function blobOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} holds no bytes`);
  return value;
}

/** A list of texts kept as JSON. */
export function textsOf(row: Row, column: string): string[] {
  const value: unknown = JSON.parse(textOf(row, column));
  if (!Array.isArray(value)) throw new TypeError(`column ${column} holds no list`);
  return value.map(String);
}

/** A map of texts kept as JSON. */
export function mapOf(row: Row, column: string): Record<string, string> {
  const value: unknown = JSON.parse(textOf(row, column));
  if (typeof value !== 'object' || value === null) throw new TypeError(`column ${column} holds no map`);
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}
