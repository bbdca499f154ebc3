import type { PayloadMemory } from '@sidegate/session';
import type { ProgressJournal } from '../spool/progress.ts';
import type { DeletedSegment } from './segment-retention.ts';
import { SessionQueue } from './session-queue.ts';

/** The sessions of which something is in the spool or in the journal. One that is over is forgotten once nothing is left that may tell of it again. */
export class KnownSessions {
  readonly #journal: ProgressJournal;
  readonly #memory: PayloadMemory;
  readonly #queues = new Map<string, SessionQueue>();
  /** Segments of which not all sessions in them are known. */
  readonly #unread: Set<number>;
  /** The last segment that the last process left. */
  readonly #lastOld: number;
  #hadUnread = true;

  /** `oldSegments`: what the last process left. */
  constructor(journal: ProgressJournal, memory: PayloadMemory, oldSegments: readonly number[]) {
    this.#journal = journal;
    this.#memory = memory;
    this.#unread = new Set(oldSegments);
    this.#lastOld = Math.max(0, ...oldSegments);
  }

  get all(): Iterable<SessionQueue> {
    return this.#queues.values();
  }

  /** The session's queue, made when it is new. `segment`: where it is named. */
  of(sessionId: string, gateId: string, segment = Number.POSITIVE_INFINITY): SessionQueue {
    const known = this.#queues.get(sessionId);
    if (known !== undefined) return known;
    const progress = this.#journal.sessions.get(sessionId);
    const queue = new SessionQueue(sessionId, gateId, this.#memory, progress);
    // Where the machine stopped and not only the process, the store may have more of it than this disk has.
    if (progress !== undefined || segment <= this.#lastOld) queue.positioned = false;
    this.#queues.set(sessionId, queue);
    return queue;
  }

  /** Which sessions are in that segment is not to be known now. */
  unreadable(segment: number): void {
    this.#unread.add(segment);
    this.#hadUnread = true;
  }

  /** What has no event in any segment that is left, nor in one of which that is not known, is forgotten. */
  deleted({ number, sessions }: DeletedSegment): void {
    this.#unread.delete(number);
    const last = Math.max(0, ...this.#unread);
    for (const queue of sessions) if (this.#unread.size === 0 || queue.openedIn > last) this.#forget(queue);
    if (this.#unread.size > 0 || !this.#hadUnread) return;
    this.#hadUnread = false;
    for (const { sessionId, closed } of this.#journal.sessions.values()) {
      const queue = this.#queues.get(sessionId);
      if (queue !== undefined) this.#forget(queue);
      else if (closed) this.#journal.forget(sessionId);
    }
  }

  #forget(queue: SessionQueue): void {
    if (!queue.finished || queue.segments > 0) return;
    this.#queues.delete(queue.sessionId);
    this.#journal.forget(queue.sessionId);
  }
}
