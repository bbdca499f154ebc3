import { crc32 } from 'node:zlib';

/** A frame is the body's length and its CRC-32 (both 32 bits, big endian), then the body. */
export const FRAME_HEADER_BYTES = 8;

/** Longest body. A chunk is 1 MiB by agreement; one event larger than that makes a larger chunk. */
export const FRAME_BODY_BYTES_MAX = 128 * 1024 * 1024;

/** The header that goes before `body`. */
export function frameHeader(body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(crc32(body), 4);
  return header;
}

/**
 * What stands at the beginning of `bytes`. `Torn`: the frame is not there whole, so a write was cut short; nothing after it can be
 * found. `Damaged`: it is there, but its bytes changed.
 */
export type FrameReading =
  | { readonly kind: 'Frame'; readonly body: Uint8Array }
  | { readonly kind: 'Damaged'; readonly bodyBytes: number }
  | { readonly kind: 'Torn' };

/** Reads one frame. Never throws. */
export function readFrame(bytes: Uint8Array): FrameReading {
  if (bytes.length < FRAME_HEADER_BYTES) return { kind: 'Torn' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyBytes = view.getUint32(0);
  if (bodyBytes === 0 || bodyBytes > FRAME_BODY_BYTES_MAX) return { kind: 'Torn' };
  if (bytes.length < FRAME_HEADER_BYTES + bodyBytes) return { kind: 'Torn' };
  const body = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + bodyBytes);
  return crc32(body) === view.getUint32(4) ? { kind: 'Frame', body } : { kind: 'Damaged', bodyBytes };
}
