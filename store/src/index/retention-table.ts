import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOf, textOf } from './row.ts';

/** A session that may be taken away whole. */
export interface EndedSession {
  readonly sessionId: string;
  readonly storedBytes: number;
  readonly lastEventUs: number;
}

/** What retention asks and does. A session is there whole or not at all. */
export class RetentionTable {
  readonly #ended: StatementSync;
  readonly #keepHead: StatementSync;
  readonly #deleteWords: StatementSync;
  readonly #deletes: readonly StatementSync[];

  constructor(database: DatabaseSync) {
    this.#ended = database.prepare(`select session_id, stored_bytes, last_event_us from sessions
      where closed_us is not null and last_event_us < ? order by last_event_us limit ?`);
    this.#keepHead = database.prepare(`insert into dropped (session_id, last_sequence, last_sha256, dropped_us)
      select session_id, last_sequence, last_sha256, ? from sessions where session_id = ?`);
    this.#deleteWords = database.prepare(
      'delete from command_words where rowid in (select id from commands where session_id = ?)',
    );
    this.#deletes = ['commands', 'chunks', 'sessions'].map((table) =>
      database.prepare(`delete from ${table} where session_id = ?`),
    );
  }

  /** Closed sessions whose last event was before `beforeUs`, oldest first. */
  ended(beforeUs: number, limit: number): EndedSession[] {
    return this.#ended.all(beforeUs, limit).map((row) => ({
      sessionId: textOf(row, 'session_id'),
      storedBytes: integerOf(row, 'stored_bytes'),
      lastEventUs: integerOf(row, 'last_event_us'),
    }));
  }

  /** Takes a session out of the index, and keeps where it ended, so that a late repeat is known as one. */
  drop(sessionId: string, atUs: number): void {
    this.#keepHead.run(atUs, sessionId);
    this.#deleteWords.run(sessionId);
    for (const statement of this.#deletes) statement.run(sessionId);
  }
}
