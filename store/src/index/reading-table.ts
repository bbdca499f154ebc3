import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOf, textOf } from './row.ts';

export interface ReadingRow {
  readonly id: number;
  readonly atUs: number;
  readonly reader: string;
  readonly action: string;
  readonly sessionId: string;
  /** What was asked for, as JSON. */
  readonly request: string;
}

/** The table `readings`: who looked at what. Rows are never deleted. */
export class ReadingTable {
  readonly #add: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      'insert into readings (at_us, reader, action, session_id, request) values (?, ?, ?, ?, ?)',
    );
    this.#list = database.prepare(
      `select * from readings where (?1 = '' or session_id = ?1) order by id desc limit ?2`,
    );
  }

  /** On disk when it returns. */
  add(reading: Omit<ReadingRow, 'id'>): void {
    this.#add.run(reading.atUs, reading.reader, reading.action, reading.sessionId, reading.request);
  }

  /** Newest first; an empty session id means all. */
  list(sessionId: string, limit: number): ReadingRow[] {
    return this.#list.all(sessionId, limit).map((row) => ({
      id: integerOf(row, 'id'),
      atUs: integerOf(row, 'at_us'),
      reader: textOf(row, 'reader'),
      action: textOf(row, 'action'),
      sessionId: textOf(row, 'session_id'),
      request: textOf(row, 'request'),
    }));
  }
}
