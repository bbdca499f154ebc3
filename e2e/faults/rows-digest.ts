import { createHash } from 'node:crypto';

const DATA_ROW = 0x44;
const HEADER_BYTES = 5;

/** The whole DataRow messages of an answer: how many, and the SHA-256 after each, so that a shorter answer can be found in a longer one. */
export interface RowsDigest {
  readonly rows: number;
  /** After the n-th row, at place n - 1. */
  readonly hashes: readonly string[];
}

/** Digests the rows in the bytes of an answer; a message that is not there to its end does not count. */
export function rowsDigest(parts: readonly Uint8Array[]): RowsDigest {
  const bytes = Buffer.concat(parts);
  const hash = createHash('sha256');
  const hashes: string[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    if (bytes[at] === DATA_ROW) hashes.push(hash.update(bytes.subarray(at, end)).copy().digest('hex'));
    at = end;
  }
  return { rows: hashes.length, hashes };
}

/** Whether all that `received` has is also at the start of `recorded`. */
export function holdsAll(recorded: RowsDigest, received: RowsDigest): boolean {
  return received.rows === 0 || recorded.hashes[received.rows - 1] === received.hashes[received.rows - 1];
}
