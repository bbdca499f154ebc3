import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOf, textOf } from './row.ts';

/** A session that may be taken away whole. */
export interface EndedSession {
  readonly sessionId: string;
  readonly storedBytes: number;
}

/** Words are merged when those that were taken away are this part of those that are left. */
const MERGED_FROM = 0.2;

/** Pages of the index of words that one part of a merge writes: some 10 ms. */
const MERGED_PAGES = 16;

/** What retention asks and does. A session is there whole or not at all: what is left of one that is gone is in nobody's answer. */
export class RetentionTable {
  readonly #ended: StatementSync;
  readonly #keepHead: StatementSync;
  readonly #deletes: readonly StatementSync[];
  readonly #deleteWords: StatementSync;
  readonly #deleteCommands: StatementSync;
  readonly #span: StatementSync;
  readonly #merge: StatementSync;
  readonly #changes: StatementSync;
  /** Sessions that are gone, and whose commands may still be there. */
  readonly #leftovers: Set<string>;
  #wordsTaken = 0;

  constructor(database: DatabaseSync) {
    this.#ended = database.prepare(`select session_id, stored_bytes from sessions
      where closed_us is not null and heard_us < ? order by heard_us, last_event_us limit ?`);
    this.#keepHead = database.prepare(`insert into dropped (session_id, last_sequence, last_sha256, dropped_us)
      select session_id, last_sequence, last_sha256, ? from sessions where session_id = ?`);
    this.#deletes = ['chunks', 'sessions'].map((table) =>
      database.prepare(`delete from ${table} where session_id = ?`),
    );
    const first = 'select id from commands where session_id = ? order by command_id limit ?';
    this.#deleteWords = database.prepare(`delete from command_words where rowid in (${first})`);
    this.#deleteCommands = database.prepare(`delete from commands where id in (${first})`);
    this.#merge = database.prepare("insert into command_words (command_words, rank) values ('merge', ?)");
    this.#span = database.prepare('select coalesce(max(id) - min(id), 0) as span from commands');
    this.#changes = database.prepare('select total_changes() as changes');
    const left = database.prepare(`select session_id from dropped
      where exists (select 1 from commands where commands.session_id = dropped.session_id)`);
    this.#leftovers = new Set(left.all().map((row) => textOf(row, 'session_id')));
  }

  /** Closed sessions of which something was heard last before `beforeUs`, by the store's clock; oldest first. */
  ended(beforeUs: number, limit: number): EndedSession[] {
    return this.#ended.all(beforeUs, limit).map((row) => ({
      sessionId: textOf(row, 'session_id'),
      storedBytes: integerOf(row, 'stored_bytes'),
    }));
  }

  /** Takes a session away, and keeps where it ended, so that a late repeat is known as one. Its commands are left over for `clear`. */
  drop(sessionId: string, atUs: number): void {
    this.#keepHead.run(atUs, sessionId);
    for (const statement of this.#deletes) statement.run(sessionId);
    this.#leftovers.add(sessionId);
  }

  /** Deletes up to `limit` commands of sessions that are gone. False: none is left. */
  clear(limit: number): boolean {
    const [sessionId] = this.#leftovers;
    if (sessionId === undefined) return false;
    this.#deleteWords.run(sessionId, limit);
    const { changes } = this.#deleteCommands.run(sessionId, limit);
    this.#wordsTaken += Number(changes);
    if (changes < limit) this.#leftovers.delete(sessionId);
    return true;
  }

  /** True once, when so many words were taken away that their space is worth the work of `merge`. */
  isMergeDue(): boolean {
    const span = integerOf(this.#span.get() ?? {}, 'span');
    const isDue = this.#wordsTaken > 0 && this.#wordsTaken >= MERGED_FROM * span;
    if (isDue) this.#wordsTaken = 0;
    return isDue;
  }

  /** Does a part of the work that gives back the space of words; `begins`: the first part. False: nothing is left to do. */
  merge(begins: boolean): boolean {
    const before = this.#changesSoFar();
    this.#merge.run(begins ? -MERGED_PAGES : MERGED_PAGES);
    // SQLite's documentation, FTS5, section 6.10: fewer than two changes say that there was nothing to merge.
    return this.#changesSoFar() - before >= 2;
  }

  #changesSoFar(): number {
    return integerOf(this.#changes.get() ?? {}, 'changes');
  }
}
