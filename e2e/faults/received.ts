import { createHash } from 'node:crypto';

/** The bytes that came of one command, each stream of it by itself: rows, a reply, or both outputs of a program. */
export type Streams = readonly Uint8Array[];

/** A stream as an agent got it, possibly cut short: its size and SHA-256. */
interface StreamDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** What an agent got for one command; the text is the command's own, as the record shows it. */
export interface Received {
  readonly text: string;
  readonly streams: readonly StreamDigest[];
}

export function receivedOf(text: string, streams: Streams): Received {
  return { text, streams: streams.map((bytes) => ({ bytes: bytes.length, sha256: sha256(bytes) })) };
}

export function bytesOf({ streams }: Received): number {
  return streams.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Whether all that `received` has is also at the start of what was recorded, stream by stream. */
export function holdsAll(recorded: Streams, { streams }: Received): boolean {
  return streams.every(({ bytes, sha256: received }, index) => {
    const whole = recorded[index] ?? new Uint8Array(0);
    return bytes === 0 || (whole.length >= bytes && sha256(whole.subarray(0, bytes)) === received);
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
