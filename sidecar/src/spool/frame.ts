import { crc32 } from 'node:zlib';

/**
 * Everything that is kept in the spool folder is a row of frames: the body's length (4 bytes), the CRC-32 of the body (4 bytes), the
 * body; numbers are big-endian. A frame that was cut short, or whose sum does not fit, ends the row: what follows was never whole.
 */
export const FRAME_HEAD_BYTES = 8;

/** One frame with a body of its own. */
export function frameOf(body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + body.length);
  frame.set(body, FRAME_HEAD_BYTES);
  writeFrameHead(frame, 0, body.length, crc32(body));
  return frame;
}

export function writeFrameHead(target: Buffer, at: number, bodyBytes: number, sum: number): void {
  target.writeUInt32BE(bodyBytes, at);
  target.writeUInt32BE(sum, at + 4);
}

/** The length of the body whose frame begins at `at`, or undefined when not even its head is there. */
export function frameBodyBytes(bytes: Buffer, at: number): number | undefined {
  return at + FRAME_HEAD_BYTES > bytes.length ? undefined : bytes.readUInt32BE(at);
}

/** The body of the frame at `at`, or undefined when it is cut short or was changed. */
export function frameBody(bytes: Buffer, at: number): Buffer | undefined {
  const length = frameBodyBytes(bytes, at);
  if (length === undefined || at + FRAME_HEAD_BYTES + length > bytes.length) return undefined;
  const body = bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length);
  return crc32(body) === bytes.readUInt32BE(at + 4) ? body : undefined;
}
