import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { assertNever } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, HoldEnded, Opened, SessionEvent } from '@sidegate/session';
import { textOf } from './row.ts';
import { shownList, shownMap, shownText } from './shown-text.ts';

/** Of a command's text, of its bind values and of its objects the index holds so many characters. */
const COMMAND_CHARACTERS_MAX = 1024 * 1024;

/** Of every other text, list and map. */
const WORD_CHARACTERS_MAX = 16 * 1024;

/** A command that begins in the chunk that is being taken in, and what the chunk tells of it. */
interface NewCommand {
  readonly judged: CommandJudged;
  forwarded: boolean;
  finished: CommandFinished | undefined;
}

/** What one chunk adds to its session. */
interface Sums {
  commands: number;
  denied: number;
  held: number;
  rows: number;
  answerBytes: number;
}

/**
 * Writes what events tell into the tables `sessions` and `commands`. Runs inside the caller's transaction. Most commands begin and end
 * in one chunk: such a command is one row written once, and a session's sums are written once for a chunk.
 */
export class EventTable {
  readonly #openSession: StatementSync;
  readonly #closeSession: StatementSync;
  readonly #decisionOf: StatementSync;
  readonly #addCommand: StatementSync;
  readonly #addWords: StatementSync;
  readonly #judgeAgain: StatementSync;
  readonly #count: StatementSync;
  readonly #endHold: StatementSync;
  readonly #forwardCommand: StatementSync;
  readonly #finishCommand: StatementSync;

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
      decision, rule, reason, observed, claimed, prepares, forwarded, outcome, tag, error_code, error_text, rows, answer_bytes,
      duration_us, masked_values) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      on conflict (session_id, command_id) do nothing`);
    this.#addWords = database.prepare('insert into command_words (rowid, text, binds, objects) values (?, ?, ?, ?)');
    this.#judgeAgain = database.prepare(
      'update commands set decision = ?, rule = ?, reason = ?, observed = ? where session_id = ? and command_id = ?',
    );
    this.#count = database.prepare(`update sessions set commands = commands + ?, denied = denied + ?, held = held + ?,
      rows = min(rows + ?, ${Number.MAX_SAFE_INTEGER}), answer_bytes = min(answer_bytes + ?, ${Number.MAX_SAFE_INTEGER})
      where session_id = ?`);
    this.#endHold = database.prepare(
      'update commands set hold = ?, decided_by = ? where session_id = ? and command_id = ?',
    );
    this.#forwardCommand = database.prepare(
      'update commands set forwarded = 1 where session_id = ? and command_id = ?',
    );
    this.#finishCommand =
      database.prepare(`update commands set outcome = ?, tag = ?, error_code = ?, error_text = ?, rows = ?,
      answer_bytes = ?, duration_us = ?, masked_values = ? where session_id = ? and command_id = ?`);
  }

  /** Takes the events of one chunk in, in their order. `heardUs` is the store's own time. */
  apply(sessionId: string, events: readonly { readonly event: SessionEvent }[], heardUs: number): void {
    const begun = new Map<number, NewCommand>();
    const sums: Sums = { commands: 0, denied: 0, held: 0, rows: 0, answerBytes: 0 };
    for (const { event } of events) {
      switch (event.kind) {
        case 'Opened':
          this.#opened(event, heardUs);
          break;
        case 'CommandJudged':
          // One that was judged before in this chunk gets its row first: the second judgement is then like that of an older one.
          if (begun.has(event.commandId)) this.#add(sessionId, begun, event.commandId, sums);
          begun.set(event.commandId, { judged: event, forwarded: false, finished: undefined });
          break;
        case 'HoldEnded':
          this.#add(sessionId, begun, event.commandId, sums);
          this.#held(sessionId, event);
          break;
        case 'CommandForwarded': {
          const command = begun.get(event.commandId);
          if (command === undefined) this.#forwardCommand.run(sessionId, event.commandId);
          else command.forwarded = true;
          break;
        }
        case 'CommandFinished': {
          sums.rows += event.rows;
          sums.answerBytes += event.answerBytes;
          const command = begun.get(event.commandId);
          if (command === undefined) this.#finished(sessionId, event);
          else command.finished = event;
          break;
        }
        case 'Closed':
          this.#closeSession.run(
            event.atUs,
            word(event.code),
            word(event.reason),
            event.code === 'TailUnknown' ? 1 : 0,
            sessionId,
          );
          break;
        case 'AnswerPart':
        case 'InputPart':
        case 'Remark':
          break;
        default:
          assertNever(event);
      }
    }
    for (const commandId of begun.keys()) this.#add(sessionId, begun, commandId, sums);
    const { commands, denied, held, rows, answerBytes } = sums;
    if (commands + denied + held + rows + answerBytes > 0)
      this.#count.run(commands, denied, held, rows, answerBytes, sessionId);
  }

  #opened(event: Opened, heardUs: number): void {
    const { verified, claimed } = event;
    const pod = verified.pod === undefined ? '' : `${verified.pod.namespace}/${verified.pod.name}`;
    this.#openSession.run(
      event.sessionId,
      word(event.protocol),
      word(event.target.namespace),
      word(event.target.name),
      word(`${event.target.host}:${event.target.port}`),
      word(`${event.access.namespace}/${event.access.name}`),
      word(event.gate.id),
      word(verified.source),
      word(verified.issuer),
      word(verified.subject),
      shownList(verified.groups, WORD_CHARACTERS_MAX),
      verified.groupsKnown ? 1 : 0,
      verified.expiresAtMs,
      word(pod),
      word(verified.pod?.uid ?? ''),
      word(claimed['agent'] ?? ''),
      word(claimed['run'] ?? ''),
      shownMap(claimed, WORD_CHARACTERS_MAX),
      shownMap(event.details, WORD_CHARACTERS_MAX),
      word(event.policyVersion),
      event.atUs,
      event.atUs,
      heardUs,
    );
  }

  /** Writes the row of a command that began in this chunk; if there is one already, what the chunk adds to it. */
  #add(sessionId: string, begun: Map<number, NewCommand>, commandId: number, sums: Sums): void {
    const command = begun.get(commandId);
    if (command === undefined) return;
    begun.delete(commandId);
    const { judged, forwarded, finished } = command;
    const { changes, lastInsertRowid } = this.#addCommand.run(
      sessionId,
      commandId,
      judged.atUs,
      shownText(judged.text, COMMAND_CHARACTERS_MAX),
      bindsOf(judged),
      shownList(judged.verbs, WORD_CHARACTERS_MAX),
      shownList(judged.objects, COMMAND_CHARACTERS_MAX),
      judged.complete ? 1 : 0,
      judged.decision,
      word(judged.rule),
      word(judged.reason),
      shownList(judged.observed, WORD_CHARACTERS_MAX),
      shownMap(judged.claimed, WORD_CHARACTERS_MAX),
      word(judged.prepares ?? ''),
      forwarded ? 1 : 0,
      finished?.outcome ?? '',
      word(finished?.tag ?? ''),
      word(finished?.errorCode ?? ''),
      word(finished?.errorText ?? ''),
      finished?.rows ?? 0,
      finished?.answerBytes ?? 0,
      finished?.durationUs ?? 0,
      finished?.maskedValues ?? 0,
    );
    if (changes === 0) {
      this.#judgedAgain(sessionId, judged, sums);
      if (forwarded) this.#forwardCommand.run(sessionId, commandId);
      if (finished !== undefined) this.#finished(sessionId, finished);
      return;
    }
    this.#addWords.run(lastInsertRowid, judged.text, judged.binds.join(' '), judged.objects.join(' '));
    sums.commands += 1;
    countDecision(judged, sums);
  }

  /** A held command is judged once more when it may go on. An Allow then leaves the row saying that it was held. */
  #judgedAgain(sessionId: string, event: CommandJudged, sums: Sums): void {
    if (event.decision === 'Allow') return;
    const before = this.#decisionOf.get(sessionId, event.commandId);
    if (before === undefined || event.decision === textOf(before, 'decision')) return;
    const observed = shownList(event.observed, WORD_CHARACTERS_MAX);
    this.#judgeAgain.run(event.decision, word(event.rule), word(event.reason), observed, sessionId, event.commandId);
    countDecision(event, sums);
  }

  #held(sessionId: string, event: HoldEnded): void {
    const decidedBy = event.decidedBy.map(({ user, decision, reason }) =>
      reason === '' ? `${user}: ${decision}` : `${user}: ${decision}, ${reason}`,
    );
    this.#endHold.run(event.outcome, shownList(decidedBy, WORD_CHARACTERS_MAX), sessionId, event.commandId);
  }

  #finished(sessionId: string, event: CommandFinished): void {
    this.#finishCommand.run(
      event.outcome,
      word(event.tag),
      word(event.errorCode),
      word(event.errorText),
      event.rows,
      event.answerBytes,
      event.durationUs,
      event.maskedValues,
      sessionId,
      event.commandId,
    );
  }
}

function countDecision({ decision }: CommandJudged, sums: Sums): void {
  if (decision === 'Deny') sums.denied += 1;
  if (decision === 'RequireApproval') sums.held += 1;
}

function word(text: string): string {
  return shownText(text, WORD_CHARACTERS_MAX);
}

function bindsOf({ binds }: CommandJudged): string {
  if (binds.length === 0) return '[]';
  return shownList(
    binds.map((bind) => bind ?? null),
    COMMAND_CHARACTERS_MAX,
  );
}
