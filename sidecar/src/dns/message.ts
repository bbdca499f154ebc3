/** DNS messages as far as the gate reads and writes them (RFC 1035, section 4): the header and one question. */

export const TYPE_A = 1;
export const TYPE_ANY = 255;
export const CLASS_IN = 1;

/** Response codes (RFC 1035, section 4.1.1). */
export const FORMAT_ERROR = 1;
export const SERVER_FAILURE = 2;
export const NOT_IMPLEMENTED = 4;

const HEADER_BYTES = 12;
const NAME_BYTES_MAX = 255;
const TYPE_OPT = 41;
const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
/** Names follow the rules at once: an answer is not to be kept, but some clients take 0 for a mistake. */
const TTL_SECONDS = 1;

/** A message that asks one thing. */
export interface Query {
  readonly bytes: Buffer;
  readonly id: number;
  /** Lower case, without the final dot; a byte that no host name has is written as `\DDD`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends in `bytes`. */
  readonly end: number;
  /** The client speaks EDNS (RFC 6891): so must the answer. */
  readonly edns: boolean;
}

/** `Nothing`: what must not be answered at all, or answers would answer each other for ever. */
export type Reading =
  | { readonly kind: 'Query'; readonly query: Query }
  | { readonly kind: 'Refused'; readonly answer: Buffer }
  | { readonly kind: 'Nothing' };

/** Reads what a client sent. Never throws, whatever the bytes are. */
export function readQuery(bytes: Buffer): Reading {
  if (bytes.length < HEADER_BYTES) return { kind: 'Nothing' };
  const flags = bytes.readUInt16BE(2);
  if ((flags & RESPONSE) !== 0) return { kind: 'Nothing' };
  if ((flags & OPCODE) !== 0) return { kind: 'Refused', answer: bareAnswer(bytes, NOT_IMPLEMENTED) };
  const malformed: Reading = { kind: 'Refused', answer: bareAnswer(bytes, FORMAT_ERROR) };
  if (bytes.readUInt16BE(4) !== 1) return malformed;
  const name = readName(bytes, HEADER_BYTES);
  if (name === undefined || name.end + 4 > bytes.length) return malformed;
  const end = name.end + 4;
  const query = {
    bytes,
    id: bytes.readUInt16BE(0),
    name: name.text,
    type: bytes.readUInt16BE(name.end),
    class: bytes.readUInt16BE(name.end + 2),
    end,
    edns: bytes.length >= end + 3 && bytes[end] === 0 && bytes.readUInt16BE(end + 1) === TYPE_OPT,
  };
  return { kind: 'Query', query };
}

/** The answer with one address, or with none: the name is there, and has nothing of the type that was asked for. */
export function writeAnswer({ bytes, end, edns }: Query, address: string | undefined): Buffer {
  const parts = [header(bytes, 0, 1, address === undefined ? 0 : 1, edns ? 1 : 0), bytes.subarray(HEADER_BYTES, end)];
  if (address !== undefined) {
    const record = Buffer.alloc(16);
    // The name: a pointer to the one in the question.
    record.writeUInt16BE(0xc0_0c, 0);
    record.writeUInt16BE(TYPE_A, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(4, 10);
    record.set(address.split('.').map(Number), 12);
    parts.push(record);
  }
  if (edns) parts.push(optRecord());
  return Buffer.concat(parts);
}

/** An answer that only says what went wrong. */
export function writeFailure({ bytes, end, edns }: Query, code: number): Buffer {
  const parts = [header(bytes, code, 1, 0, edns ? 1 : 0), bytes.subarray(HEADER_BYTES, end)];
  return Buffer.concat(edns ? [...parts, optRecord()] : parts);
}

/** The same question under another id. */
export function withId(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** Whether a message answers the query that was sent under `id`: what does not is somebody else's, or forged. */
export function answers(reply: Buffer, { bytes, end }: Query, id: number): boolean {
  if (reply.length < end || reply.readUInt16BE(0) !== id) return false;
  const flags = reply.readUInt16BE(2);
  if ((flags & RESPONSE) === 0 || (flags & OPCODE) !== 0 || reply.readUInt16BE(4) !== 1) return false;
  const asked = bytes.subarray(HEADER_BYTES, end);
  return asked.every((byte, at) => lower(byte) === lower(reply[HEADER_BYTES + at] ?? 0));
}

function readName(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = bytes[at];
    // Also a compressed name: in front of the first question there is nothing to point to.
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) return { text: labels.join('.'), end: at };
    if (at + length > bytes.length || at + length - start > NAME_BYTES_MAX - 1) return undefined;
    labels.push(readLabel(bytes.subarray(at, at + length)));
    at += length;
  }
}

function readLabel(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, (one) => `\\${String(one.charCodeAt(0)).padStart(3, '0')}`);
}

function header(asked: Buffer, code: number, questions: number, answered: number, additional: number): Buffer {
  const made = Buffer.alloc(HEADER_BYTES);
  made.writeUInt16BE(asked.readUInt16BE(0), 0);
  const desired = asked.readUInt16BE(2) & (RECURSION_DESIRED | OPCODE);
  made.writeUInt16BE(RESPONSE | RECURSION_AVAILABLE | desired | code, 2);
  made.writeUInt16BE(questions, 4);
  made.writeUInt16BE(answered, 6);
  made.writeUInt16BE(additional, 10);
  return made;
}

function bareAnswer(asked: Buffer, code: number): Buffer {
  return header(asked, code, 0, 0, 0);
}

/** An empty OPT record: this server reads 1232 bytes. */
function optRecord(): Buffer {
  return Buffer.from([0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
