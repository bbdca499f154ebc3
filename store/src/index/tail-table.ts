import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOf, textOf } from './row.ts';

/** An open session that nothing was heard of. */
export interface SilentSession {
  readonly sessionId: string;
  readonly gate: string;
  readonly lastSequence: number;
  readonly heardUs: number;
}

/** The ends of sessions: which are open, when their gates were heard, and which tails are unknown. */
export class TailTable {
  readonly #gateOf: StatementSync;
  readonly #heardGate: StatementSync;
  readonly #heardAll: StatementSync;
  readonly #silent: StatementSync;
  readonly #mark: StatementSync;
  readonly #reopen: StatementSync;
  readonly #open: StatementSync;

  constructor(database: DatabaseSync) {
    this.#gateOf = database.prepare('select gate from sessions where session_id = ?');
    this.#heardGate = database.prepare('update sessions set heard_us = ? where gate = ? and closed_us is null');
    this.#heardAll = database.prepare('update sessions set heard_us = ? where closed_us is null');
    this.#silent = database.prepare(`select session_id, gate, last_sequence, heard_us from sessions
      where closed_us is null and heard_us < ? order by heard_us`);
    this.#mark =
      database.prepare(`update sessions set closed_us = last_event_us, close_code = 'TailUnknown', close_reason = ?,
      tail_unknown = 1 where session_id = ?`);
    this.#reopen =
      database.prepare(`update sessions set closed_us = null, close_code = '', close_reason = '', tail_unknown = 0
      where session_id = ? and closed_us is not null and ended = 0`);
    this.#open = database.prepare('select count(*) as count from sessions where closed_us is null');
  }

  /** The gate that records the session; undefined when the session is not known. */
  gateOf(sessionId: string): string | undefined {
    const row = this.#gateOf.get(sessionId);
    return row === undefined ? undefined : textOf(row, 'gate');
  }

  /** The gate was there at this time. */
  heardGate(gate: string, atUs: number): void {
    this.#heardGate.run(atUs, gate);
  }

  /** The store itself was away until this time: its silence is not the gates'. */
  heardAll(atUs: number): void {
    this.#heardAll.run(atUs);
  }

  /** Open sessions that were last heard of before `beforeUs`. */
  silent(beforeUs: number): SilentSession[] {
    return this.#silent.all(beforeUs).map((row) => ({
      sessionId: textOf(row, 'session_id'),
      gate: textOf(row, 'gate'),
      lastSequence: integerOf(row, 'last_sequence'),
      heardUs: integerOf(row, 'heard_us'),
    }));
  }

  /** Counts the session as closed although its record has no end. */
  markUnknown(sessionId: string, reason: string): void {
    this.#mark.run(reason, sessionId);
  }

  /** Takes `markUnknown` back when more of the record comes after all. False: there was nothing to take back. */
  reopen(sessionId: string): boolean {
    return Number(this.#reopen.run(sessionId).changes) > 0;
  }

  openSessions(): number {
    const row = this.#open.get();
    return row === undefined ? 0 : integerOf(row, 'count');
  }
}
