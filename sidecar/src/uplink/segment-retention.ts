import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { segmentName } from '../spool/segment.ts';
import type { SessionQueue } from './session-queue.ts';

interface Segment {
  readonly number: number;
  /** All sessions that appear in it. */
  readonly sessions: Set<SessionQueue>;
  /** Those of which the store lacks something in it, with the last such event. */
  readonly lacking: Map<SessionQueue, number>;
  /** Its size once it was read to its end. */
  bytes: number | undefined;
}

/** A segment that is no more, and the sessions that appeared in it. */
export interface DeletedSegment {
  readonly number: number;
  readonly bytes: number;
  readonly sessions: ReadonlySet<SessionQueue>;
}

/** Knows which segments are still needed, and deletes one only when the store has all of it. */
export class SegmentRetention {
  readonly #folder: string;
  readonly #segments = new Map<number, Segment>();
  readonly #beforeDelete: () => void;
  readonly #deleted: (segment: DeletedSegment) => void;

  /** `beforeDelete` makes sure that what was acknowledged is on disk. */
  constructor(folder: string, beforeDelete: () => void, deleted: (segment: DeletedSegment) => void) {
    this.#folder = folder;
    this.#beforeDelete = beforeDelete;
    this.#deleted = deleted;
  }

  /** The session is named in that segment. */
  appears(number: number, queue: SessionQueue): void {
    const { sessions } = this.#segment(number);
    if (sessions.has(queue)) return;
    sessions.add(queue);
    queue.segments += 1;
  }

  /** That segment holds an event that the store lacks. Where it is read again, what is known of its end still holds. */
  needs(number: number, queue: SessionQueue, sequence: number): void {
    const { lacking } = this.#segment(number);
    if ((lacking.get(queue) ?? 0) < sequence) lacking.set(queue, sequence);
  }

  /** That segment was read to its end before. */
  hasEnded(number: number): boolean {
    return this.#segments.get(number)?.bytes !== undefined;
  }

  /** That segment was read to its end. */
  ended(number: number, bytes: number): void {
    const segment = this.#segment(number);
    segment.bytes = bytes;
    this.#deleteIfDone(segment);
  }

  /** The store has more of this session. Deletes what is done with. */
  acknowledged(queue: SessionQueue): void {
    for (const { lacking } of this.#segments.values()) {
      const last = lacking.get(queue);
      if (last !== undefined && last <= queue.acked) lacking.delete(queue);
    }
    // All of them: one whose turn it was may have failed to go.
    for (const segment of this.#segments.values()) this.#deleteIfDone(segment);
  }

  #segment(number: number): Segment {
    const known = this.#segments.get(number);
    if (known !== undefined) return known;
    const segment: Segment = { number, sessions: new Set(), lacking: new Map(), bytes: undefined };
    this.#segments.set(number, segment);
    return segment;
  }

  #deleteIfDone({ number, bytes, lacking, sessions }: Segment): void {
    if (bytes === undefined || lacking.size > 0) return;
    this.#beforeDelete();
    unlinkSync(join(this.#folder, segmentName(number)));
    this.#segments.delete(number);
    for (const queue of sessions) queue.segments -= 1;
    this.#deleted({ number, bytes, sessions });
  }
}
