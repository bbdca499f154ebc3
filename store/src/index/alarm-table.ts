import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOf, integerOrZero, type Row, textOf } from './row.ts';

export type AlarmKind = 'Fork' | 'Gap' | 'Invalid' | 'Foreign' | 'TailUnknown' | 'Damaged';

export interface AlarmRow {
  readonly id: number;
  readonly atUs: number;
  readonly kind: string;
  readonly sessionId: string;
  readonly sequence: number;
  readonly text: string;
  /** Name of a file in the evidence folder; empty: none. */
  readonly evidence: string;
  /** 0: not resolved. */
  readonly resolvedUs: number;
}

/** A session has at most so many alarms of one kind: what a gate can say wrongly must not fill the index. */
const ALARMS_MAX = 100;

/** The same of those that stand with no session. */
const UNNAMED_MAX = 10_000;

/** The table `alarms`: what is wrong with records, for a person to look at. Rows are never deleted. */
export class AlarmTable {
  readonly #add: StatementSync;
  readonly #count: StatementSync;
  readonly #find: StatementSync;
  readonly #many: StatementSync;
  readonly #resolve: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      'insert into alarms (at_us, kind, session_id, sequence, text, evidence) values (?, ?, ?, ?, ?, ?)',
    );
    this.#count = database.prepare('update sessions set alarms = alarms + 1 where session_id = ?');
    this.#find = database.prepare(`select 1 from alarms where session_id = ? and kind = ? and sequence = ? and text = ?
      and resolved_us is null limit 1`);
    this.#many = database.prepare('select 1 from alarms where session_id = ? and kind = ? limit 1 offset ?');
    this.#resolve =
      database.prepare(`update alarms set resolved_us = ? where session_id = ? and kind = ? and sequence <= ?
      and resolved_us is null`);
    this.#list = database.prepare(`select * from alarms where (?1 = '' or session_id = ?1) order by id desc limit ?2`);
  }

  /** Raises an alarm, unless the very same one is raised and not resolved: a gate that tries again says nothing new. */
  raise(alarm: Omit<AlarmRow, 'id' | 'kind' | 'resolvedUs'> & { readonly kind: AlarmKind }): boolean {
    if (this.#find.get(alarm.sessionId, alarm.kind, alarm.sequence, alarm.text) !== undefined) return false;
    if (
      this.#many.get(alarm.sessionId, alarm.kind, (alarm.sessionId === '' ? UNNAMED_MAX : ALARMS_MAX) - 1) !== undefined
    )
      return false;
    this.#add.run(alarm.atUs, alarm.kind, alarm.sessionId, alarm.sequence, alarm.text, alarm.evidence);
    this.#count.run(alarm.sessionId);
    return true;
  }

  has(sessionId: string, kind: AlarmKind): boolean {
    return this.#many.get(sessionId, kind, 0) !== undefined;
  }

  /** Marks the session's alarms of this kind up to `sequence` as mended. */
  resolve(sessionId: string, kind: AlarmKind, sequence: number, atUs: number): void {
    this.#resolve.run(atUs, sessionId, kind, sequence);
  }

  /** Newest first; an empty session id means all. */
  list(sessionId: string, limit: number): AlarmRow[] {
    return this.#list.all(sessionId, limit).map(alarmOf);
  }
}

function alarmOf(row: Row): AlarmRow {
  return {
    id: integerOf(row, 'id'),
    atUs: integerOf(row, 'at_us'),
    kind: textOf(row, 'kind'),
    sessionId: textOf(row, 'session_id'),
    sequence: integerOf(row, 'sequence'),
    text: textOf(row, 'text'),
    evidence: textOf(row, 'evidence'),
    resolvedUs: integerOrZero(row, 'resolved_us'),
  };
}
