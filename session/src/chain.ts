import { createHash } from 'node:crypto';

/** The one format of chunks so far. */
export const CHUNK_FORMAT = 1;

const DOMAIN = Buffer.from('sidegate chunk 1\0', 'ascii');
const OPENS = 1;
const CLOSES = 2;

/** All of a chunk that its hash covers, besides the events. */
export interface ChunkHeader {
  readonly sessionId: string;
  readonly gateId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Undefined in a session's first chunk. */
  readonly previousSha256: Uint8Array | undefined;
  readonly opens: boolean;
  readonly closes: boolean;
}

/** The SHA-256 that names a chunk, as `sidegate.session.v1.Chunk.format` describes it. `payload` is uncompressed. */
export function hashChunk(header: ChunkHeader, payload: Uint8Array): Uint8Array {
  const session = Buffer.from(header.sessionId, 'utf8');
  const gate = Buffer.from(header.gateId, 'utf8');
  const previous = header.previousSha256 ?? new Uint8Array();
  const numbers = Buffer.alloc(18);
  numbers.writeBigUInt64BE(BigInt(header.firstSequence), 0);
  numbers.writeBigUInt64BE(BigInt(header.lastSequence), 8);
  numbers[16] = (header.opens ? OPENS : 0) | (header.closes ? CLOSES : 0);
  numbers[17] = previous.length;
  const payloadBytes = Buffer.alloc(8);
  payloadBytes.writeBigUInt64BE(BigInt(payload.length));
  const hash = createHash('sha256').update(DOMAIN);
  for (const text of [session, gate]) hash.update(lengthOf(text)).update(text);
  return hash.update(numbers).update(previous).update(payloadBytes).update(payload).digest();
}

function lengthOf(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}
