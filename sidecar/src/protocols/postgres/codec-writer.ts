import { FRAME } from './codec.ts';

/** A part of a frame's body: a zero-terminated string, raw bytes, or an integer with its width. */
type Part = string | Uint8Array | { readonly int16: number } | { readonly int32: number } | { readonly int8: number };

function partLength(part: Part): number {
  if (typeof part === 'string') return Buffer.byteLength(part) + 1;
  if (part instanceof Uint8Array) return part.length;
  if ('int32' in part) return 4;
  return 'int16' in part ? 2 : 1;
}

function writePart(buffer: Buffer, at: number, part: Part): number {
  if (typeof part === 'string') {
    const written = buffer.write(part, at);
    buffer[at + written] = 0;
    return at + written + 1;
  }
  if (part instanceof Uint8Array) {
    buffer.set(part, at);
    return at + part.length;
  }
  if ('int32' in part) return buffer.writeInt32BE(part.int32 | 0, at);
  if ('int16' in part) return buffer.writeInt16BE((part.int16 << 16) >> 16, at);
  buffer[at] = part.int8;
  return at + 1;
}

/** A frame with a type byte. */
export function writeFrame(type: number, ...parts: readonly Part[]): Uint8Array {
  let length = 5;
  for (const part of parts) length += partLength(part);
  const buffer = Buffer.allocUnsafe(length);
  buffer[0] = type;
  let at = buffer.writeInt32BE(length - 1, 1);
  for (const part of parts) at = writePart(buffer, at, part);
  return buffer;
}

/** A start-up packet: no type byte. */
export function writeUntagged(...parts: readonly Part[]): Uint8Array {
  return writeFrame(0, ...parts).subarray(1);
}

export const SSL_REQUEST_CODE = 80877103;
export const GSSENC_REQUEST_CODE = 80877104;
export const CANCEL_REQUEST_CODE = 80877102;
/** Protocol versions: the major number in the upper half. */
export const PROTOCOL_3_0 = 0x0003_0000;
export const PROTOCOL_3_2 = 0x0003_0002;

export function writeSslRequest(): Uint8Array {
  return writeUntagged({ int32: SSL_REQUEST_CODE });
}

/** `key` is 4 bytes in 3.0 and up to 256 bytes in 3.2. */
export function writeCancelRequest(processId: number, key: Uint8Array): Uint8Array {
  return writeUntagged({ int32: CANCEL_REQUEST_CODE }, { int32: processId }, key);
}

export function writeStartup(version: number, parameters: Iterable<readonly [string, string]>): Uint8Array {
  const parts: Part[] = [{ int32: version }];
  for (const [name, value] of parameters) parts.push(name, value);
  return writeUntagged(...parts, { int8: 0 });
}

/** What is spoken from here on, and the options that were asked for and are not known. */
export function writeNegotiateVersion(version: number, unknownOptions: readonly string[]): Uint8Array {
  return writeFrame(FRAME.negotiateVersion, { int32: version }, { int32: unknownOptions.length }, ...unknownOptions);
}

export function writeParameterStatus(name: string, value: string): Uint8Array {
  return writeFrame(FRAME.parameterStatus, name, value);
}

/** `status`: I idle, T in a transaction, E in a failed transaction. */
export function writeReadyForQuery(status: number): Uint8Array {
  return writeFrame(FRAME.readyForQuery, { int8: status });
}

export const SYNC = writeFrame(FRAME.sync);
export const FLUSH = writeFrame(FRAME.flush);
export const TERMINATE = writeFrame(FRAME.terminate);
export const AUTHENTICATION_OK = writeFrame(FRAME.authentication, { int32: 0 });
export const CLEARTEXT_PASSWORD_REQUEST = writeFrame(FRAME.authentication, { int32: 3 });

/** Describe or Close; `what`: S statement, P portal. */
export function writeNamed(type: number, what: 'S' | 'P', name: string): Uint8Array {
  return writeFrame(type, { int8: what.charCodeAt(0) }, name);
}

/** ErrorResponse or NoticeResponse from its fields, letter by letter. */
export function writeFields(type: number, fields: Iterable<readonly [string, string]>): Uint8Array {
  const parts: Part[] = [];
  for (const [letter, value] of fields) parts.push({ int8: letter.charCodeAt(0) }, value.replaceAll('\0', ' '));
  return writeFrame(type, ...parts, { int8: 0 });
}
