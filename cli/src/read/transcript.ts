import { assertNever } from '@sidegate/crds';
import type { CommandFinished, CommandJudged, SessionEvent } from '@sidegate/session';
import { eventText } from './event-text.ts';
import { type AnswerColumn, type AnswerItem, PostgresAnswer } from './postgres-answer.ts';
import { printable } from './printable.ts';
import { RedisAnswer } from './redis-answer.ts';
import { said } from './said.ts';
import { showDuration, showTime } from './time.ts';

/** Rows that are gathered to find how wide the columns are. */
const ROWS_GATHERED_MAX = 100;

/** A value longer than this is cut, so that one row stays one line. */
const VALUE_CHARACTERS_MAX = 200;

/**
 * A session as a transcript that reads like psql, or like redis-cli: each command with its decision and time, then what the agent got. Events go in one
 * by one; lines come out as soon as they are known.
 */
export class Transcript {
  #answer: PostgresAnswer | RedisAnswer = new PostgresAnswer();
  #protocol = '';
  readonly #input = new PostgresAnswer();
  #openedUs: number | undefined;
  #columns: readonly AnswerColumn[] = [];
  #rows: (readonly string[])[] = [];
  #widths: readonly number[] | undefined;

  *add(event: SessionEvent): Generator<string> {
    this.#openedUs ??= event.atUs;
    switch (event.kind) {
      case 'Opened':
        this.#protocol = event.protocol;
        this.#answer = openAnswer(event.protocol);
        yield printable(`-- session ${event.sessionId}, ${showTime(event.atUs)}`);
        yield `-- ${eventText(event) ?? ''}`;
        return;
      case 'CommandJudged':
        yield* this.#flush();
        yield* this.#judged(event);
        return;
      case 'AnswerPart':
        for (const item of this.#answer.add(event.bytes)) yield* this.#item(item);
        return;
      case 'CommandFinished':
        yield* this.#flush();
        yield finishedLine(event, this.#protocol === 'Redis' ? 'key' : 'row');
        return;
      case 'HoldEnded':
      case 'Remark':
      case 'Closed':
        yield* this.#flush();
        yield `-- ${this.#since(event.atUs)}  ${eventText(event) ?? ''}`;
        return;
      case 'InputPart':
        yield* this.#flush();
        // The rows of a COPY: CopyData looks the same in both directions.
        for (const item of this.#input.add(event.bytes)) if (item.kind === 'CopyData') yield* inputLines(item.text);
        return;
      case 'CommandForwarded':
        return;
      default:
        assertNever(event);
    }
  }

  /** What is gathered and waits for more, when no more comes. */
  *end(): Generator<string> {
    yield* this.#flush();
  }

  *#judged(event: CommandJudged): Generator<string> {
    const reason = event.reason === '' ? '' : `: ${event.reason}`;
    yield '';
    yield printable(`-- ${this.#since(event.atUs)}  #${event.commandId}  ${event.decision} by ${event.rule}${reason}`);
    const text = printable(event.text, 'keep').trimEnd();
    yield said(text.endsWith(';') || this.#protocol === 'Redis' ? text : `${text};`);
    if (event.binds.length > 0) {
      const binds = event.binds.map((bind, at) => `$${at + 1} = ${bind === undefined ? 'NULL' : quote(bind)}`);
      yield `-- ${binds.join(', ')}`;
    }
  }

  *#item(item: AnswerItem): Generator<string> {
    switch (item.kind) {
      case 'Columns':
        yield* this.#flush();
        this.#columns = item.columns;
        return;
      case 'Row': {
        this.#rows.push(item.values.map(cell));
        if (this.#widths !== undefined) yield* this.#rowLines();
        else if (this.#rows.length >= ROWS_GATHERED_MAX) yield* this.#tableLines();
        return;
      }
      case 'Complete':
        yield* this.#flush();
        yield said(printable(item.tag));
        return;
      case 'Suspended':
        yield* this.#flush();
        yield '-- more rows wait';
        return;
      case 'CopyData':
        yield* this.#flush();
        yield said(printable(item.text.replace(/\n$/u, ''), 'keep'));
        return;
      case 'Error':
      case 'Notice': {
        yield* this.#flush();
        const { severity, code, message, detail, hint } = item.fields;
        yield said(printable(`${severity}: ${code}: ${message}`));
        if (detail !== '') yield printable(`DETAIL: ${detail}`);
        if (hint !== '') yield printable(`HINT: ${hint}`);
        return;
      }
      case 'Notification':
        yield* this.#flush();
        yield printable(`-- notification on ${item.channel}: ${item.payload}`);
        return;
      case 'Lines':
        yield* item.lines.map(said);
        return;
      case 'Unreadable':
        yield* this.#flush();
        yield `-- ${item.bytes} bytes of the answer cannot be read as ${this.#protocol === 'Redis' ? 'RESP' : "PostgreSQL's protocol"}`;
        return;
      default:
        assertNever(item);
    }
  }

  /** Writes what is gathered; the next rows belong to another table. */
  *#flush(): Generator<string> {
    if (this.#answer instanceof RedisAnswer) for (const item of this.#answer.rest()) yield* this.#item(item);
    if (this.#widths === undefined && (this.#rows.length > 0 || this.#columns.length > 0)) yield* this.#tableLines();
    this.#columns = [];
    this.#widths = undefined;
  }

  *#tableLines(): Generator<string> {
    const titles = this.#columns.map(({ name }) => cell(name));
    const count = Math.max(titles.length, ...this.#rows.map((row) => row.length));
    const all = titles.length > 0 ? [titles, ...this.#rows] : this.#rows;
    const widths = Array.from({ length: count }, (_none, at) => Math.max(1, ...all.map((row) => row[at]?.length ?? 0)));
    this.#widths = widths;
    if (titles.length > 0) {
      yield rowLine(titles, widths);
      yield widths.map((width) => '-'.repeat(width + 2)).join('+');
    }
    yield* this.#rowLines();
  }

  *#rowLines(): Generator<string> {
    for (const row of this.#rows) yield rowLine(row, this.#widths ?? []);
    this.#rows = [];
  }

  #since(atUs: number): string {
    return `+${((atUs - (this.#openedUs ?? atUs)) / 1_000_000).toFixed(3)} s`;
  }
}

/** Reads the answers of a protocol. */
export function openAnswer(protocol: string): PostgresAnswer | RedisAnswer {
  return protocol === 'Redis' ? new RedisAnswer() : new PostgresAnswer();
}

function* inputLines(text: string): Generator<string> {
  for (const line of text.replace(/\n$/u, '').split('\n')) yield `> ${printable(line, 'keep')}`;
}

function rowLine(cells: readonly string[], widths: readonly number[]): string {
  return ` ${cells.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')}`.trimEnd();
}

function cell(value: string | undefined): string {
  if (value === undefined) return 'NULL';
  const text = printable(value);
  return text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX - 1)}…`;
}

function quote(text: string): string {
  return `'${printable(text).replaceAll("'", "''")}'`;
}

function finishedLine(event: CommandFinished, unit: string): string {
  const { outcome, errorCode, errorText, rows, durationUs, maskedValues } = event;
  const parts = [outcome, `${rows} ${unit}${rows === 1 ? '' : 's'}`, showDuration(durationUs)];
  if (maskedValues > 0) parts.push(`${maskedValues} values masked`);
  if (outcome !== 'Done' && errorCode !== '') parts.push(`${errorCode} ${errorText}`);
  return printable(`-- ${parts.join(', ')}`);
}
