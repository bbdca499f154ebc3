import { BodyReader, FRAME } from './codec.ts';
import type { Binds } from './statements.ts';

/** The server's own limit: parameters are counted in 16 bits. */
const PARAMETERS_MAX = 65_535;

export interface ParseFrame {
  readonly name: string;
  readonly text: Uint8Array;
  readonly parameterTypes: readonly number[];
}

export interface BindFrame {
  readonly portal: string;
  readonly statement: string;
  readonly binds: Binds;
  readonly resultFormats: readonly number[];
}

export interface ExecuteFrame {
  readonly portal: string;
}

/** Describe and Close. */
export interface NamedFrame {
  readonly what: 'S' | 'P';
  readonly name: string;
}

/** The bodies of the agent's frames; undefined when malformed. `start` is the first byte behind the length. */
export function readQuery(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const body = new BodyReader(buffer, start, end);
  const text = body.zeroTerminated();
  return body.complete ? text : undefined;
}

export function readParse(buffer: Uint8Array, start: number, end: number): ParseFrame | undefined {
  const body = new BodyReader(buffer, start, end);
  const name = body.string();
  const text = body.zeroTerminated();
  const count = body.int16() & 0xffff;
  const parameterTypes: number[] = [];
  for (let at = 0; at < count && !body.failed; at++) parameterTypes.push(body.int32() >>> 0);
  return body.complete ? { name, text, parameterTypes } : undefined;
}

export function readBind(buffer: Uint8Array, start: number, end: number): BindFrame | undefined {
  const body = new BodyReader(buffer, start, end);
  const portal = body.string();
  const statement = body.string();
  const formats = readFormats(body);
  const count = body.int16() & 0xffff;
  if (count > PARAMETERS_MAX) return undefined;
  const values: (Uint8Array | undefined)[] = [];
  for (let at = 0; at < count && !body.failed; at++) {
    const length = body.int32();
    if (length < -1) return undefined;
    values.push(length === -1 ? undefined : body.bytes(length));
  }
  const resultFormats = readFormats(body);
  return body.complete ? { portal, statement, binds: { formats, values }, resultFormats } : undefined;
}

const NO_FORMATS: readonly number[] = [];

function readFormats(body: BodyReader): readonly number[] {
  const count = body.int16() & 0xffff;
  if (count === 0) return NO_FORMATS;
  const formats: number[] = [];
  for (let at = 0; at < count && !body.failed; at++) formats.push(body.int16());
  return formats;
}

export function readExecute(buffer: Uint8Array, start: number, end: number): ExecuteFrame | undefined {
  const body = new BodyReader(buffer, start, end);
  const portal = body.string();
  body.int32();
  return body.complete ? { portal } : undefined;
}

export function readNamed(buffer: Uint8Array, start: number, end: number): NamedFrame | undefined {
  const body = new BodyReader(buffer, start, end);
  const what = body.byte();
  const name = body.string();
  if (!body.complete || (what !== 0x53 && what !== 0x50)) return undefined;
  return { what: what === 0x53 ? 'S' : 'P', name };
}

/** Frames that say all by their type have no body; the reason of a CopyFail is one string. */
export function isWellFormed(type: number, buffer: Uint8Array, start: number, end: number): boolean {
  switch (type) {
    case FRAME.sync:
    case FRAME.flush:
    case FRAME.terminate:
    case FRAME.copyDone:
      return start === end;
    case FRAME.copyFail:
      return readQuery(buffer, start, end) !== undefined;
    default:
      return true;
  }
}

/** The OID of the function that FunctionCall names, when the frame is well formed. */
export function readFunctionCall(buffer: Uint8Array, start: number, end: number): number | undefined {
  const body = new BodyReader(buffer, start, end);
  const oid = body.int32() >>> 0;
  readFormats(body);
  const count = body.int16() & 0xffff;
  for (let at = 0; at < count && !body.failed; at++) {
    const length = body.int32();
    if (length < -1) return undefined;
    if (length > 0) body.bytes(length);
  }
  body.int16();
  return body.complete ? oid : undefined;
}
