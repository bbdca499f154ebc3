import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { assertNever } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, HoldEnded, Opened, SessionEvent } from '@sidegate/session';
import { textOf } from './row.ts';

/** Writes what events tell into the tables `sessions` and `commands`. Runs inside the caller's transaction. */
export class EventTable {
  readonly #openSession: StatementSync;
  readonly #closeSession: StatementSync;
  readonly #decisionOf: StatementSync;
  readonly #addCommand: StatementSync;
  readonly #addWords: StatementSync;
  readonly #judgeAgain: StatementSync;
  readonly #countCommand: StatementSync;
  readonly #endHold: StatementSync;
  readonly #forwardCommand: StatementSync;
  readonly #finishCommand: StatementSync;
  readonly #countFinish: StatementSync;

  constructor(database: DatabaseSync) {
    this.#openSession =
      database.prepare(`insert into sessions (session_id, protocol, target_namespace, target_name, target_address,
      access, gate, source, issuer, subject, groups, groups_known, expires_at_ms, pod, pod_uid, agent, run, claimed, details,
      policy_version, opened_us, last_event_us, heard_us)
      values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#closeSession = database.prepare(
      'update sessions set ended = 1, closed_us = ?, close_code = ?, close_reason = ?, tail_unknown = ? where session_id = ?',
    );
    this.#decisionOf = database.prepare('select decision from commands where session_id = ? and command_id = ?');
    this.#addCommand =
      database.prepare(`insert into commands (session_id, command_id, at_us, text, binds, verbs, objects, complete,
      decision, rule, reason, observed, claimed, prepares) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#addWords = database.prepare('insert into command_words (rowid, text, binds, objects) values (?, ?, ?, ?)');
    this.#judgeAgain = database.prepare(
      'update commands set decision = ?, rule = ?, reason = ?, observed = ? where session_id = ? and command_id = ?',
    );
    this.#countCommand = database.prepare(
      'update sessions set commands = commands + ?, denied = denied + ?, held = held + ? where session_id = ?',
    );
    this.#endHold = database.prepare(
      'update commands set hold = ?, decided_by = ? where session_id = ? and command_id = ?',
    );
    this.#forwardCommand = database.prepare(
      'update commands set forwarded = 1 where session_id = ? and command_id = ?',
    );
    this.#finishCommand =
      database.prepare(`update commands set outcome = ?, tag = ?, error_code = ?, error_text = ?, rows = ?,
      answer_bytes = ?, duration_us = ?, masked_values = ? where session_id = ? and command_id = ?`);
    this.#countFinish = database.prepare(
      'update sessions set rows = rows + ?, answer_bytes = answer_bytes + ? where session_id = ?',
    );
  }

  /** Takes one event in. `heardUs` is the store's own time. */
  apply(sessionId: string, event: SessionEvent, heardUs: number): void {
    switch (event.kind) {
      case 'Opened':
        return this.#opened(event, heardUs);
      case 'CommandJudged':
        return this.#judged(sessionId, event);
      case 'HoldEnded':
        return this.#held(sessionId, event);
      case 'CommandForwarded':
        this.#forwardCommand.run(sessionId, event.commandId);
        return;
      case 'CommandFinished':
        return this.#finished(sessionId, event);
      case 'Closed':
        this.#closeSession.run(event.atUs, event.code, event.reason, event.code === 'TailUnknown' ? 1 : 0, sessionId);
        return;
      case 'AnswerPart':
      case 'InputPart':
      case 'Remark':
        return;
      default:
        return assertNever(event);
    }
  }

  #opened(event: Opened, heardUs: number): void {
    const { verified, claimed } = event;
    this.#openSession.run(
      event.sessionId,
      event.protocol,
      event.target.namespace,
      event.target.name,
      `${event.target.host}:${event.target.port}`,
      `${event.access.namespace}/${event.access.name}`,
      event.gate.id,
      verified.source,
      verified.issuer,
      verified.subject,
      JSON.stringify(verified.groups),
      verified.groupsKnown ? 1 : 0,
      verified.expiresAtMs,
      verified.pod === undefined ? '' : `${verified.pod.namespace}/${verified.pod.name}`,
      verified.pod?.uid ?? '',
      claimed['agent'] ?? '',
      claimed['run'] ?? '',
      JSON.stringify(claimed),
      JSON.stringify(event.details),
      event.policyVersion,
      event.atUs,
      event.atUs,
      heardUs,
    );
  }

  #judged(sessionId: string, event: CommandJudged): void {
    const before = this.#decisionOf.get(sessionId, event.commandId);
    const denied = event.decision === 'Deny' ? 1 : 0;
    const held = event.decision === 'RequireApproval' ? 1 : 0;
    if (before !== undefined) return this.#judgedAgain(sessionId, event, textOf(before, 'decision'));
    const { lastInsertRowid } = this.#addCommand.run(
      sessionId,
      event.commandId,
      event.atUs,
      event.text,
      JSON.stringify(event.binds.map((bind) => bind ?? null)),
      JSON.stringify(event.verbs),
      JSON.stringify(event.objects),
      event.complete ? 1 : 0,
      event.decision,
      event.rule,
      event.reason,
      JSON.stringify(event.observed),
      JSON.stringify(event.claimed),
      event.prepares ?? '',
    );
    this.#addWords.run(lastInsertRowid, event.text, event.binds.join(' '), event.objects.join(' '));
    this.#countCommand.run(1, denied, held, sessionId);
  }

  /** A held command is judged once more when it may go on. An Allow then leaves the row saying that it was held. */
  #judgedAgain(sessionId: string, event: CommandJudged, before: string): void {
    if (event.decision === 'Allow' || event.decision === before) return;
    const observed = JSON.stringify(event.observed);
    this.#judgeAgain.run(event.decision, event.rule, event.reason, observed, sessionId, event.commandId);
    this.#countCommand.run(
      0,
      event.decision === 'Deny' ? 1 : 0,
      event.decision === 'RequireApproval' ? 1 : 0,
      sessionId,
    );
  }

  #held(sessionId: string, event: HoldEnded): void {
    const decidedBy = event.decidedBy.map(({ user, decision, reason }) =>
      reason === '' ? `${user}: ${decision}` : `${user}: ${decision}, ${reason}`,
    );
    this.#endHold.run(event.outcome, JSON.stringify(decidedBy), sessionId, event.commandId);
  }

  #finished(sessionId: string, event: CommandFinished): void {
    this.#finishCommand.run(
      event.outcome,
      event.tag,
      event.errorCode,
      event.errorText,
      event.rows,
      event.answerBytes,
      event.durationUs,
      event.maskedValues,
      sessionId,
      event.commandId,
    );
    this.#countFinish.run(event.rows, event.answerBytes, sessionId);
  }
}
