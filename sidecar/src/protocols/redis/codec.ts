/** RESP, versions 2 and 3 (redis.io, "Redis serialization protocol specification"): what both directions share. */

import { asMixedText, showMixedText } from '../mixed-text.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Type bytes of RESP2 and RESP3. */
export const TYPE = {
  simple: 0x2b,
  error: 0x2d,
  integer: 0x3a,
  bulk: 0x24,
  array: 0x2a,
  null: 0x5f,
  boolean: 0x23,
  double: 0x2c,
  bigNumber: 0x28,
  bulkError: 0x21,
  verbatim: 0x3d,
  map: 0x25,
  set: 0x7e,
  push: 0x3e,
  attribute: 0x7c,
} as const;

/** The longest line (a header, a simple string, an error, an inline command), in bytes. */
export const LINE_BYTES_MAX = 64 * 1024;
/** How deep arrays may be nested in a reply. */
export const DEPTH_MAX = 128;

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** True for bytes that are printable ASCII without spaces, quotes and backslashes: they are shown as they are. */
export function isPlainWord(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte <= 0x22 ? byte !== 0x21 : byte >= 0x7f || byte === 0x27 || byte === 0x5c) return false;
  }
  return bytes.length > 0;
}

/** The text that bytes are in UTF-8, or undefined. */
export function asUtf8(bytes: Uint8Array): string | undefined {
  const text = asLatin1(bytes);
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return fatal.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Every byte as the character of the same number. */
export function asLatin1(bytes: Uint8Array): string {
  return Buffer.isBuffer(bytes)
    ? bytes.toString('latin1')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** A key or channel as policy names it: its text, with every byte that is not UTF-8 as \xNN. What stands beside such a byte is named as without it. */
export function nameOf(bytes: Uint8Array): string {
  return asUtf8(bytes) ?? showMixedText(asMixedText(bytes));
}

/** The number that `bytes[start..end)` writes in decimal as Redis reads it (no leading zeros, no plus sign); undefined for anything else. */
export function readInteger(bytes: Uint8Array, start: number, end: number): number | undefined {
  const isNegative = bytes[start] === 0x2d;
  const first = isNegative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > 15) return undefined;
  if (bytes[first] === 0x30) return digits === 1 && !isNegative ? 0 : undefined;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** Where the CRLF of the line that begins at `start` stands; -1: not there yet; -2: a line feed or carriage return without the other. */
export function findLineEnd(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF) return -2;
    if (byte !== CR) continue;
    if (at + 1 === bytes.length) return -1;
    return bytes[at + 1] === LF ? at : -2;
  }
  return -1;
}

/** A command as clients send it: an array of bulk strings. */
export function writeCommand(parts: readonly (Uint8Array | string)[]): Uint8Array {
  const out: Uint8Array[] = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) out.push(writeBulk(typeof part === 'string' ? Buffer.from(part) : part));
  return Buffer.concat(out);
}

export function writeBulk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** A simple error. Line breaks in the text become spaces: they would end it. */
export function writeError(text: string): Uint8Array {
  return Buffer.from(`-${text.replaceAll(/[\r\n]+/g, ' ')}\r\n`);
}

export function writeSimple(text: string): Uint8Array {
  return Buffer.from(`+${text}\r\n`);
}

/** The null of the protocol version. */
export function writeNull(version: 2 | 3): Uint8Array {
  return Buffer.from(version === 3 ? '_\r\n' : '$-1\r\n');
}
