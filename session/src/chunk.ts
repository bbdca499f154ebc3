import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { CHUNK_FORMAT, type ChunkHeader, hashChunk } from './chain.ts';
import { decodeEvent, type NumberedEvent } from './decode.ts';
import { joinEvents, splitEvents } from './payload.ts';
import { WireBuffer } from './wire-buffer.ts';
import { listRoom, WireReader } from './wire-reader.ts';

/** A chunk as it is sent and kept, and what the next one needs to know of it. */
export interface SealedChunk {
  readonly sessionId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sha256: Uint8Array;
  /** An encoded `sidegate.session.v1.Chunk`. */
  readonly bytes: Uint8Array;
}

/** A chunk whose hash, numbers and events were all found to agree. */
export interface OpenedChunk extends ChunkHeader {
  readonly sha256: Uint8Array;
  /** Unpacked. */
  readonly payloadBytes: number;
  readonly events: readonly NumberedEvent[];
  /** The events as they were encoded, in the same order. */
  readonly encodedEvents: readonly Uint8Array[];
}

/** What a new chunk is made of, besides its events. They are numbered `firstSequence`, `firstSequence + 1` ... without a gap. */
interface ChunkFrame {
  readonly sessionId: string;
  readonly gateId: string;
  readonly firstSequence: number;
  /** The hash of the session's chunk before this one; undefined for the first. */
  readonly previousSha256: Uint8Array | undefined;
  /** The first event is Opened. */
  readonly opens: boolean;
  /** The last event is Closed. */
  readonly closes: boolean;
}

export interface ChunkContent extends ChunkFrame {
  /** Encoded. */
  readonly events: readonly Uint8Array[];
}

export interface ChunkPayload extends ChunkFrame {
  readonly lastSequence: number;
  /** The events as `joinEvents` joins them. It is only looked at. */
  readonly payload: Uint8Array;
}

export type ChunkFault = Fault<'ChunkMalformed' | 'ChunkTooLarge' | 'ChunkChanged'>;

/** The most that a chunk may unpack to unless the caller says otherwise: one event of the largest frame, and a chunk of others. */
export const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;

/** The most events of one chunk. Gates cut at 1 MiB; the smallest event that they write takes some 17 bytes. */
export const CHUNK_EVENTS_MAX = 128 * 1024;

const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const SHA256_BYTES = 32;
/**
 * A payload is unpacked in pieces of so many bytes: nothing of what it says of its length is believed before it is there. Node.js holds the first
 * piece until all garbage is collected, not only what is young, so a payload must not be one piece.
 */
const PIECE_BYTES = 64 * 1024;

/** Makes one chunk: the same content gives the same bytes and the same hash, whenever it is made. Throws without events. */
export function sealChunk({ events, ...frame }: ChunkContent): SealedChunk {
  const lastSequence = frame.firstSequence + events.length - 1;
  return sealPayload({ ...frame, lastSequence, payload: joinEvents(events) });
}

/** The same of events that are joined already. */
export function sealPayload(content: ChunkPayload): SealedChunk {
  const { sessionId, gateId, firstSequence, lastSequence, previousSha256, opens, closes, payload } = content;
  if (lastSequence < firstSequence) throw new Error('a chunk holds at least one event');
  const header = { sessionId, gateId, firstSequence, lastSequence, previousSha256, opens, closes };
  const sha256 = hashChunk(header, payload);
  const packed = zstdCompressSync(payload, LEVEL);
  const bytes = writeChunk({ format: CHUNK_FORMAT, ...header, sha256, payloadBytes: payload.length, payload: packed });
  return { sessionId, firstSequence, lastSequence, sha256, bytes };
}

/** The fields of `sidegate.session.v1.Chunk`. */
interface ChunkMessage extends ChunkHeader {
  readonly format: number;
  readonly sha256: Uint8Array;
  readonly payloadBytes: number;
  /** Packed. */
  readonly payload: Uint8Array;
}

/** Bytes of all fields but the payload: two names, two hashes, five numbers. */
const HEADER_BYTES_ABOUT = 256;
const NO_BYTES = new Uint8Array(0);

function writeChunk(message: ChunkMessage): Uint8Array {
  const out = new WireBuffer(HEADER_BYTES_ABOUT + message.payload.length);
  out.number(1, message.format);
  out.text(2, message.sessionId);
  out.text(3, message.gateId);
  out.number(4, message.firstSequence);
  out.number(5, message.lastSequence);
  out.blob(6, message.previousSha256 ?? NO_BYTES);
  out.blob(7, message.sha256);
  out.number(8, message.opens ? 1 : 0);
  out.number(9, message.closes ? 1 : 0);
  out.number(10, message.payloadBytes);
  out.blob(11, message.payload);
  return out.view();
}

/** Throws when the bytes are no such message. */
function readMessage(bytes: Uint8Array): ChunkMessage {
  const reader = new WireReader(bytes);
  const numbers: number[] = [];
  const texts: string[] = [];
  const blobs: Uint8Array[] = [];
  while (reader.next()) {
    const { field } = reader;
    switch (field) {
      case 1:
      case 4:
      case 5:
      case 8:
      case 9:
      case 10:
        numbers[field] = reader.number();
        break;
      case 2:
      case 3:
        texts[field] = reader.text();
        break;
      case 6:
      case 7:
      case 11:
        blobs[field] = reader.blob();
        break;
      default:
        reader.skip();
    }
  }
  const previous = blobs[6] ?? NO_BYTES;
  return {
    format: numbers[1] ?? 0,
    sessionId: texts[2] ?? '',
    gateId: texts[3] ?? '',
    firstSequence: numbers[4] ?? 0,
    lastSequence: numbers[5] ?? 0,
    previousSha256: previous.length === 0 ? undefined : previous,
    sha256: blobs[7] ?? NO_BYTES,
    opens: (numbers[8] ?? 0) !== 0,
    closes: (numbers[9] ?? 0) !== 0,
    payloadBytes: numbers[10] ?? 0,
    payload: blobs[11] ?? NO_BYTES,
  };
}

/**
 * Reads one chunk and checks everything that can be checked of it alone: its hash, its numbers, and that each event can be read.
 * Never throws. More than `payloadBytesMax` is refused before it is unpacked.
 */
export function openChunk(bytes: Uint8Array, payloadBytesMax = PAYLOAD_BYTES_MAX): Result<OpenedChunk, ChunkFault> {
  const read = readChunk(bytes, payloadBytesMax);
  if (!read.ok) return read;
  const { header, sha256, payload } = read.value;
  if (!sameBytes(hashChunk(header, payload), sha256)) {
    return fail({ code: 'ChunkChanged', message: 'The hash of this chunk does not fit what it holds.' });
  }
  const count = header.lastSequence - header.firstSequence + 1;
  const encodedEvents = splitEvents(payload, count);
  if (encodedEvents === undefined) return malformed('its events cannot be told apart');
  const events: NumberedEvent[] = [];
  const room = listRoom();
  for (const encoded of encodedEvents) {
    const decoded = decodeEvent(encoded, room);
    if (!decoded.ok) return malformed(decoded.fault.message);
    if (decoded.value.sequence !== header.firstSequence + events.length) return malformed('its events are misnumbered');
    events.push(decoded.value);
  }
  if (events.length !== count) return malformed('its events are miscounted');
  if (header.opens !== (events[0]?.event.kind === 'Opened')) return malformed('it says wrongly whether it opens');
  if (header.closes !== (events.at(-1)?.event.kind === 'Closed')) return malformed('it says wrongly whether it closes');
  return ok({ ...header, sha256, payloadBytes: payload.length, events, encodedEvents });
}

interface ReadChunk {
  readonly header: ChunkHeader;
  readonly sha256: Uint8Array;
  readonly payload: Uint8Array;
}

function readChunk(bytes: Uint8Array, payloadBytesMax: number): Result<ReadChunk, ChunkFault> {
  try {
    const message = readMessage(bytes);
    if (message.format !== CHUNK_FORMAT) return malformed(`its format ${message.format} is not known`);
    const { sessionId, gateId, opens, closes, sha256, previousSha256, payloadBytes, firstSequence, lastSequence } =
      message;
    if (payloadBytes > payloadBytesMax) {
      const sentence = `This chunk unpacks to ${payloadBytes} bytes; at most ${payloadBytesMax} are taken.`;
      return fail({ code: 'ChunkTooLarge', message: sentence });
    }
    if (firstSequence < 1 || lastSequence < firstSequence) return malformed('its numbers make no sense');
    if (lastSequence - firstSequence >= CHUNK_EVENTS_MAX) {
      const sentence = `This chunk holds ${lastSequence - firstSequence + 1} events; at most ${CHUNK_EVENTS_MAX} are taken.`;
      return fail({ code: 'ChunkTooLarge', message: sentence });
    }
    if (sha256.length !== SHA256_BYTES) return malformed('its hash is no SHA-256');
    if ((previousSha256?.length ?? 0) !== (firstSequence === 1 ? 0 : SHA256_BYTES))
      return malformed('its link to the one before is wrong');
    // One byte more than allowed, so that a payload that is longer than it says is found and one of 0 bytes can be asked for.
    const maxOutputLength = payloadBytes + 1;
    const chunkSize = Math.max(Math.min(maxOutputLength, PIECE_BYTES), constants.Z_MIN_CHUNK);
    const payload = zstdDecompressSync(message.payload, { maxOutputLength, chunkSize });
    if (payload.length !== payloadBytes) return malformed('its payload is shorter than it says');
    const header = { sessionId, gateId, firstSequence, lastSequence, previousSha256, opens, closes };
    return ok({ header, sha256, payload });
  } catch (error) {
    return malformed(error instanceof Error ? error.message : 'it cannot be read');
  }
}

function malformed(why: string): Result<never, ChunkFault> {
  return fail({ code: 'ChunkMalformed', message: `This is no chunk: ${why}.` });
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
