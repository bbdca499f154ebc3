import { create } from '@bufbuild/protobuf';
import { type UploadRequest, UploadRequestSchema } from '@sidegate/session/store';
import type { SessionQueue } from './session-queue.ts';

/** The chunk of a session that was cut. Throws when there is none. */
export function requestOf({ sessionId, chunk }: SessionQueue): UploadRequest {
  if (chunk === undefined) throw new Error('there is no chunk to send');
  return create(UploadRequestSchema, {
    sessionId,
    chunk: chunk.bytes,
    firstSequence: BigInt(chunk.firstSequence),
    lastSequence: BigInt(chunk.lastSequence),
    sha256: chunk.sha256,
  });
}

/** Asks what the store has of a session. */
export function questionOf({ sessionId }: SessionQueue): UploadRequest {
  return create(UploadRequestSchema, { sessionId });
}
