import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { boundedPage } from './bounded-page.ts';
import { blobOf, booleanOf, integerOf, integerOrZero, mapOf, type Row, textOf, textsOf } from './row.ts';
import { textQuery } from './text-query.ts';

/** All that is set must hold; an empty text and a zero count as not set. */
export interface SessionFilter {
  readonly target: string;
  readonly subject: string;
  readonly agent: string;
  readonly run: string;
  readonly decision: string;
  readonly sinceUs: number;
  readonly untilUs: number;
  readonly text: string;
  readonly open: boolean | undefined;
}

export interface SessionRow {
  readonly sessionId: string;
  readonly protocol: string;
  readonly target: string;
  readonly targetAddress: string;
  readonly access: string;
  readonly gate: string;
  readonly verified: {
    readonly source: string;
    readonly issuer: string;
    readonly subject: string;
    readonly groups: string[];
    readonly groupsKnown: boolean;
    readonly expiresAtMs: number;
    readonly pod: string;
    readonly podUid: string;
  };
  readonly claimed: Record<string, string>;
  readonly details: Record<string, string>;
  readonly policyVersion: string;
  readonly openedUs: number;
  /** 0: open. */
  readonly closedUs: number;
  readonly closeCode: string;
  readonly closeReason: string;
  readonly tailUnknown: boolean;
  readonly commands: number;
  readonly denied: number;
  readonly held: number;
  readonly rows: number;
  readonly answerBytes: number;
  readonly lastSequence: number;
  readonly lastSha256: Uint8Array;
  readonly chunks: number;
  readonly storedBytes: number;
  readonly lastEventUs: number;
  readonly alarms: number;
}

export interface CommandRow {
  readonly sessionId: string;
  readonly commandId: number;
  readonly atUs: number;
  readonly text: string;
  readonly binds: (string | undefined)[];
  readonly verbs: string[];
  readonly objects: string[];
  readonly complete: boolean;
  readonly decision: string;
  readonly rule: string;
  readonly reason: string;
  readonly observed: string[];
  readonly claimed: Record<string, string>;
  readonly prepares: string;
  readonly forwarded: boolean;
  readonly hold: string;
  readonly decidedBy: string[];
  readonly outcome: string;
  readonly tag: string;
  readonly errorCode: string;
  readonly errorText: string;
  readonly rows: number;
  readonly answerBytes: number;
  readonly durationUs: number;
  readonly maskedValues: number;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** Ids of commands that are searched at once: some 15 ms where each is one that is looked for. */
const WINDOW = 16_384;

/** Rows of commands are read by what the index of words gives, and not the other way round. */
const WITH_WORDS = 'command_words cross join commands on commands.id = command_words.rowid';

/** Sessions that are looked at at once, where those with words among them are wanted. */
const PAGE = 1000;

/** Questions that readers ask of the index. What may take long is done in parts; between them the store does other work. */
export class SessionQuery {
  readonly #database: DatabaseSync;
  readonly #session: StatementSync;
  readonly #commands: StatementSync;
  readonly #command: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#session = database.prepare('select * from sessions where session_id = ?');
    this.#commands = database.prepare(
      'select * from commands where session_id = ? and command_id > ? order by command_id limit ?',
    );
    this.#command = database.prepare('select * from commands where id = ?');
  }

  session(sessionId: string): SessionRow | undefined {
    const row = this.#session.get(sessionId);
    return row === undefined ? undefined : sessionOf(row);
  }

  /** One page, newest first. `cursor` is what the page before gave as `next`. Faults: BadCursor, BadText. */
  async sessions(
    filter: SessionFilter,
    limit: number,
    cursor: string,
    signal?: AbortSignal,
  ): Promise<Result<{ readonly sessions: SessionRow[]; readonly next: string }, Fault<'BadCursor' | 'BadText'>>> {
    const [, openedUs, sessionId = ''] = /^(\d+):(.+)$/su.exec(cursor) ?? [];
    if (cursor !== '' && openedUs === undefined)
      return fail({ code: 'BadCursor', message: 'The cursor is not one of this store.' });
    const words = filter.text === '' ? undefined : textQuery(filter.text);
    if (filter.text !== '' && words === undefined) return noWord();
    const conditions = sessionConditions(filter, words !== undefined);
    const holding = words === undefined ? undefined : await this.#sessionsWith(words, filter.decision, signal);
    const rows: Row[] = [];
    const size = holding === undefined ? limit + 1 : PAGE;
    let last = openedUs === undefined ? undefined : { openedUs: Number(openedUs), sessionId };
    while (rows.length <= limit) {
      const after =
        last === undefined
          ? []
          : [{ sql: '(opened_us, session_id) < (?, ?)', values: [last.openedUs, last.sessionId] }];
      const order = 'order by opened_us desc, session_id desc';
      const page = this.#select('select session_id, opened_us from sessions', [...conditions, ...after], order, size);
      rows.push(...page.filter((row) => holding?.has(textOf(row, 'session_id')) !== false));
      const end = page.at(-1);
      if (end === undefined || page.length < size) break;
      last = { openedUs: integerOf(end, 'opened_us'), sessionId: textOf(end, 'session_id') };
      if (signal?.aborted === true) break;
      await setImmediate();
    }
    const page = boundedPage(
      each(
        this.#session,
        rows.map((row) => textOf(row, 'session_id')),
      ),
      limit,
    );
    const sessions = page.rows.map(sessionOf);
    const end = sessions.at(-1);
    const next = page.more && end !== undefined ? `${end.openedUs}:${end.sessionId}` : '';
    return ok({ sessions, next });
  }

  /** Those that hold a command with these words, and this decision if one is given. */
  async #sessionsWith(words: string, decision: string, signal?: AbortSignal): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const conditions = decision === '' ? [] : [decided('commands', decision)];
    for await (const window of this.#windows(words, signal)) {
      const rows = this.#select(`select distinct session_id from ${WITH_WORDS}`, [window, ...conditions], '', -1);
      for (const row of rows) found.add(textOf(row, 'session_id'));
    }
    return found;
  }

  /** Commands with these words, some ids at a time from the newest on, so that the store does other work between: a word may be in millions. */
  async *#windows(words: string, signal?: AbortSignal): AsyncGenerator<Condition> {
    const row = this.#database.prepare('select min(id) as least, max(id) as most from commands').get() ?? {};
    const least = integerOrZero(row, 'least');
    for (let most = integerOrZero(row, 'most'); most >= least; most -= WINDOW) {
      if (signal?.aborted === true) return;
      const sql = 'command_words match ? and command_words.rowid > ? and command_words.rowid <= ?';
      // As numbers they would not be taken for whole, and the index of words would be read from its beginning.
      yield { sql, values: [words, BigInt(most - WINDOW), BigInt(most)] };
      await setImmediate();
    }
  }

  /** All sessions' ids, oldest first. */
  sessionIds(): string[] {
    const rows = this.#database.prepare('select session_id from sessions order by opened_us, session_id').all();
    return rows.map((row) => textOf(row, 'session_id'));
  }

  /** The session's commands after `afterCommandId`, in order. */
  commands(
    sessionId: string,
    afterCommandId: number,
    limit: number,
  ): { readonly commands: CommandRow[]; readonly more: boolean } {
    const { rows, more } = boundedPage(this.#commands.iterate(sessionId, afterCommandId, limit + 1), limit);
    return { commands: rows.map(commandOf), more };
  }

  /** Commands whose text, bind values or objects hold all the words, newest first. `more`: than `limit`, or than fit into a page. Fault BadText: there is no word. */
  async search(
    text: string,
    filter: SessionFilter,
    limit: number,
    signal?: AbortSignal,
  ): Promise<Result<{ readonly commands: CommandRow[]; readonly more: boolean }, Fault<'BadText'>>> {
    const words = textQuery(text);
    const also = filter.text === '' ? undefined : textQuery(filter.text);
    if (words === undefined || (filter.text !== '' && also === undefined)) return noWord();
    const holding = also === undefined ? undefined : await this.#sessionsWith(also, '', signal);
    const conditions = sessionConditions({ ...filter, decision: '' }, also !== undefined);
    if (filter.decision !== '') conditions.push(decided('commands', filter.decision));
    const from = `select commands.id, commands.at_us, session_id from ${WITH_WORDS} cross join sessions using (session_id)`;
    const order = 'order by commands.at_us desc, commands.id desc';
    let newest: Row[] = [];
    for await (const window of this.#windows(words, signal)) {
      const most = holding === undefined ? limit + 1 : -1;
      const rows = this.#select(from, [window, ...conditions], order, most);
      const held = rows.filter((row) => holding?.has(textOf(row, 'session_id')) !== false);
      if (held.length > 0) newest = [...newest, ...held].toSorted(newestFirst).slice(0, limit + 1);
    }
    const { rows, more } = boundedPage(
      each(
        this.#command,
        newest.map((row) => integerOf(row, 'id')),
      ),
      limit,
    );
    return ok({ commands: rows.map(commandOf), more });
  }

  #select(from: string, conditions: readonly Condition[], order: string, limit: number): Row[] {
    const where = conditions.length === 0 ? '' : `where ${conditions.map(({ sql }) => sql).join(' and ')}`;
    const values = conditions.flatMap((condition) => condition.values);
    return this.#database.prepare(`${from} ${where} ${order} limit ?`).all(...values, limit);
  }
}

/** The rows of these keys, one by one; those that are gone meanwhile are passed over. */
function* each(one: StatementSync, keys: readonly SQLInputValue[]): Generator<Row> {
  for (const key of keys) {
    const row = one.get(key);
    if (row !== undefined) yield row;
  }
}

function noWord(): { readonly ok: false; readonly fault: Fault<'BadText'> } {
  return fail({
    code: 'BadText',
    message: 'The text to search for holds no word.',
    mend: 'Give at least one letter or digit.',
  });
}

/** The index holds what was not allowed, and is used only where a condition says so. */
function decided(table: 'commands' | 'of', decision: string): Condition {
  const rare = decision === 'Allow' ? '' : ` and ${table}.decision <> 'Allow'`;
  return { sql: `${table}.decision = ?${rare}`, values: [decision] };
}

/** What a session itself must be. `isSearched`: sessions that hold a command with words, and the decision, are looked for apart. */
function sessionConditions(filter: SessionFilter, isSearched: boolean): Condition[] {
  const conditions: Condition[] = [];
  const add = (sql: string, ...values: SQLInputValue[]): void => void conditions.push({ sql, values });
  const [namespace, name] = filter.target.split('/', 2);
  if (name !== undefined) add('sessions.target_namespace = ? and sessions.target_name = ?', namespace ?? '', name);
  else if (filter.target !== '') add('sessions.target_name = ?', filter.target);
  if (filter.subject !== '') add('sessions.subject = ?', filter.subject);
  if (filter.agent !== '') add('sessions.agent = ?', filter.agent);
  if (filter.run !== '') add('sessions.run = ?', filter.run);
  if (filter.sinceUs > 0) add('(sessions.closed_us is null or sessions.closed_us >= ?)', filter.sinceUs);
  if (filter.untilUs > 0) add('sessions.opened_us < ?', filter.untilUs);
  if (filter.open !== undefined) add(`sessions.closed_us is ${filter.open ? '' : 'not '}null`);
  if (filter.decision !== '' && !isSearched) {
    const { sql, values } = decided('of', filter.decision);
    add(`exists (select 1 from commands of where of.session_id = sessions.session_id and ${sql})`, ...values);
  }
  return conditions;
}

function newestFirst(one: Row, other: Row): number {
  return integerOf(other, 'at_us') - integerOf(one, 'at_us') || integerOf(other, 'id') - integerOf(one, 'id');
}

function sessionOf(row: Row): SessionRow {
  return {
    sessionId: textOf(row, 'session_id'),
    protocol: textOf(row, 'protocol'),
    target: `${textOf(row, 'target_namespace')}/${textOf(row, 'target_name')}`,
    targetAddress: textOf(row, 'target_address'),
    access: textOf(row, 'access'),
    gate: textOf(row, 'gate'),
    verified: {
      source: textOf(row, 'source'),
      issuer: textOf(row, 'issuer'),
      subject: textOf(row, 'subject'),
      groups: textsOf(row, 'groups'),
      groupsKnown: booleanOf(row, 'groups_known'),
      expiresAtMs: integerOf(row, 'expires_at_ms'),
      pod: textOf(row, 'pod'),
      podUid: textOf(row, 'pod_uid'),
    },
    claimed: mapOf(row, 'claimed'),
    details: mapOf(row, 'details'),
    policyVersion: textOf(row, 'policy_version'),
    openedUs: integerOf(row, 'opened_us'),
    closedUs: integerOrZero(row, 'closed_us'),
    closeCode: textOf(row, 'close_code'),
    closeReason: textOf(row, 'close_reason'),
    tailUnknown: booleanOf(row, 'tail_unknown'),
    commands: integerOf(row, 'commands'),
    denied: integerOf(row, 'denied'),
    held: integerOf(row, 'held'),
    rows: integerOf(row, 'rows'),
    answerBytes: integerOf(row, 'answer_bytes'),
    lastSequence: integerOf(row, 'last_sequence'),
    lastSha256: blobOf(row, 'last_sha256'),
    chunks: integerOf(row, 'chunks'),
    storedBytes: integerOf(row, 'stored_bytes'),
    lastEventUs: integerOf(row, 'last_event_us'),
    alarms: integerOf(row, 'alarms'),
  };
}

function commandOf(row: Row): CommandRow {
  const binds: unknown = JSON.parse(textOf(row, 'binds'));
  if (!Array.isArray(binds)) throw new TypeError('column binds holds no list');
  return {
    sessionId: textOf(row, 'session_id'),
    commandId: integerOf(row, 'command_id'),
    atUs: integerOf(row, 'at_us'),
    text: textOf(row, 'text'),
    binds: binds.map((bind: unknown) => (typeof bind === 'string' ? bind : undefined)),
    verbs: textsOf(row, 'verbs'),
    objects: textsOf(row, 'objects'),
    complete: booleanOf(row, 'complete'),
    decision: textOf(row, 'decision'),
    rule: textOf(row, 'rule'),
    reason: textOf(row, 'reason'),
    observed: textsOf(row, 'observed'),
    claimed: mapOf(row, 'claimed'),
    prepares: textOf(row, 'prepares'),
    forwarded: booleanOf(row, 'forwarded'),
    hold: textOf(row, 'hold'),
    decidedBy: textsOf(row, 'decided_by'),
    outcome: textOf(row, 'outcome'),
    tag: textOf(row, 'tag'),
    errorCode: textOf(row, 'error_code'),
    errorText: textOf(row, 'error_text'),
    rows: integerOf(row, 'rows'),
    answerBytes: integerOf(row, 'answer_bytes'),
    durationUs: integerOf(row, 'duration_us'),
    maskedValues: integerOf(row, 'masked_values'),
  };
}
