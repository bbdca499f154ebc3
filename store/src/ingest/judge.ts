import type { OpenedChunk } from '@sidegate/session';
import type { Head } from '../index/chunk-table.ts';

/** What the store holds of the session. */
export interface Holdings {
  readonly head: Head | undefined;
  /** The hash of the stored chunk with exactly these first and last events, if there is one. */
  hashOf(firstSequence: number, lastSequence: number): Uint8Array | undefined;
  /** The encoded events with these numbers, one after another as far as they can be read. Read as they are asked for: a few that came may stand for a GiB. */
  events(firstSequence: number, lastSequence: number): Iterable<Uint8Array>;
}

/** How a chunk that is true to itself fits what the store holds. */
export type Judgement =
  | { readonly kind: 'Next' }
  | { readonly kind: 'Duplicate' }
  | { readonly kind: 'Gap' }
  | { readonly kind: 'Recut' }
  | { readonly kind: 'Fork'; readonly reason: string }
  | { readonly kind: 'Invalid'; readonly reason: string };

/**
 * Decides whether a chunk goes on where the session's record ends, repeats it, leaves a gap, or tells another story. Events that are
 * equal and cut into other chunks are the same story: a gate whose ack was lost may cut them again.
 */
export function judgeChunk(chunk: OpenedChunk, holdings: Holdings): Judgement {
  const lastHeld = holdings.head?.lastSequence ?? 0;
  if (chunk.firstSequence > lastHeld + 1) return { kind: 'Gap' };
  if (chunk.firstSequence === lastHeld + 1) return judgeNext(chunk, holdings.head);
  const held = holdings.hashOf(chunk.firstSequence, chunk.lastSequence);
  if (held !== undefined && equal(held, chunk.sha256)) return { kind: 'Duplicate' };
  const last = Math.min(lastHeld, chunk.lastSequence);
  let compared = 0;
  for (const stored of holdings.events(chunk.firstSequence, last)) {
    const sequence = chunk.firstSequence + compared;
    if (!equal(stored, chunk.encodedEvents[compared]))
      return { kind: 'Fork', reason: `Event ${sequence} differs from the stored one.` };
    compared += 1;
  }
  if (compared <= last - chunk.firstSequence)
    return { kind: 'Fork', reason: 'The stored events cannot be read to compare.' };
  return chunk.lastSequence <= lastHeld ? { kind: 'Duplicate' } : { kind: 'Recut' };
}

function judgeNext(chunk: OpenedChunk, head: Head | undefined): Judgement {
  if (!equal(chunk.previousSha256 ?? new Uint8Array(), head?.lastSha256 ?? new Uint8Array())) {
    return { kind: 'Fork', reason: 'It is chained to another history than the stored one.' };
  }
  if (head?.ended === true) return { kind: 'Invalid', reason: 'The session has ended; nothing can follow.' };
  const early = chunk.events.findIndex(({ event }) => event.kind === 'Closed');
  if (early >= 0 && early < chunk.events.length - 1) {
    return { kind: 'Invalid', reason: 'The session ends in the middle of the chunk.' };
  }
  const openings = chunk.events.filter(({ event }) => event.kind === 'Opened').length;
  if (chunk.opens !== (chunk.firstSequence === 1) || openings !== (chunk.opens ? 1 : 0)) {
    return { kind: 'Invalid', reason: 'Opened must be the first event of a session and no other.' };
  }
  return { kind: 'Next' };
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
