import { type Fault, fail, type Result } from '@sidegate/crds';
import { type OpenedChunk, openChunk } from '@sidegate/session';
import type { ChunkRow } from '../index/chunk-table.ts';
import { FRAME_BODY_BYTES_MAX } from '../segments/frame.ts';
import type { SegmentLog } from '../segments/segment-log.ts';
import { openStoredChunk } from '../segments/stored-chunk.ts';

/** What a gate says of a chunk beside the chunk itself. */
export interface Announced {
  readonly sessionId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sha256: Uint8Array;
  readonly chunk: Uint8Array;
}

/** Opens a chunk and checks that it is the one that was announced. */
export function openArrival(announced: Announced): Result<OpenedChunk, Fault> {
  const { chunk, sessionId, firstSequence, lastSequence, sha256 } = announced;
  if (chunk.length > FRAME_BODY_BYTES_MAX) {
    return fail({
      code: 'ChunkTooLarge',
      message: `A chunk may have ${FRAME_BODY_BYTES_MAX} bytes; this one has ${chunk.length}.`,
    });
  }
  const opened = openChunk(chunk);
  if (!opened.ok) return opened;
  const { value } = opened;
  const first = value.events[0]?.event;
  const misnamed = first?.kind === 'Opened' && first.sessionId !== value.sessionId;
  const announcedRightly =
    value.sessionId === sessionId &&
    value.firstSequence === firstSequence &&
    value.lastSequence === lastSequence &&
    Buffer.compare(value.sha256, sha256) === 0;
  if (announcedRightly && !misnamed) return opened;
  return fail({ code: 'ChunkMisnamed', message: 'The chunk is not the one that was announced with it.' });
}

/** The encoded events from `first` to `last`, read back from the stored chunks one by one; they end before one that cannot be read. */
export function* readStoredEvents(
  segments: SegmentLog,
  chunks: readonly ChunkRow[],
  first: number,
  last: number,
): Generator<Uint8Array> {
  for (const { place } of chunks) {
    const opened = openStoredChunk(segments, place);
    if (!opened.ok) return;
    const { firstSequence, encodedEvents } = opened.value;
    for (const [position, event] of encodedEvents.entries()) {
      const sequence = firstSequence + position;
      if (sequence >= first && sequence <= last) yield event;
    }
  }
}
