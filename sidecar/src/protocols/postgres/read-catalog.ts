import { type Fault, fail, type Result } from '@sidegate/crds';
import type { CatalogConversation, CatalogRequest, CatalogStep } from '../protocol.ts';
import { asText, BodyReader, FRAME, FrameScanner } from './codec.ts';
import { PROTOCOL_3_0, TERMINATE, writeFrame } from './codec-writer.ts';
import { readErrorFields } from './error-fields.ts';
import type { SaltedKeys } from './scram.ts';
import { type LoginStep, TargetLogin } from './target-login.ts';

/** One question to the catalog, and the name of its answer. */
export interface CatalogQuestion<Name extends string> {
  readonly name: Name;
  readonly sql: string;
}

/** Rows of text values by name of the question; NULL is null. */
export type CatalogAnswers<Name extends string> = Readonly<Record<Name, readonly (readonly (string | null)[])[]>>;

/** A catalog row with a view's text in it is long; a frame longer than this is none. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
const ROWS_MAX = 5_000_000;

/**
 * A conversation of the gate's own with a server: logs in as the agents are, asks every question in turn in one read-only transaction,
 * and builds the catalog from the answers. Sans-io. Faults: `CatalogUnavailable`, and those of `build`.
 */
export class CatalogReading<Name extends string> implements CatalogConversation {
  readonly #login: TargetLogin;
  readonly #questions: readonly CatalogQuestion<Name>[];
  readonly #build: (answers: CatalogAnswers<Name>) => Result<unknown, Fault>;
  readonly #scanner = new FrameScanner(FRAME_BYTES_MAX, false);
  readonly #answers = new Map<string, (readonly (string | null)[])[]>();
  #phase: 'Login' | 'Asking' | 'Over' = 'Login';
  /** Which question is being answered; -1 is BEGIN. */
  #at = -1;
  #rows: (readonly (string | null)[])[] = [];
  #rowCount = 0;

  constructor(
    request: CatalogRequest,
    keys: SaltedKeys,
    questions: readonly CatalogQuestion<Name>[],
    build: (answers: CatalogAnswers<Name>) => Result<unknown, Fault>,
  ) {
    this.#questions = questions;
    this.#build = build;
    this.#login = new TargetLogin({
      credential: request.credential,
      database: request.database,
      tls: request.tls,
      version: PROTOCOL_3_0,
      parameters: new Map([
        ['application_name', 'sidegate catalog'],
        ['client_encoding', 'UTF8'],
      ]),
      frameBytesMax: FRAME_BYTES_MAX,
      random: request.random,
      keys,
    });
  }

  connected(): readonly CatalogStep[] {
    return this.#loginSteps(this.#login.connected());
  }

  secured(): readonly CatalogStep[] {
    return this.#loginSteps(this.#login.secured());
  }

  receive(bytes: Uint8Array): readonly CatalogStep[] {
    if (this.#phase === 'Login') return this.#loginSteps(this.#login.receive(bytes));
    if (this.#phase === 'Over') return [];
    this.#scanner.feed(bytes);
    return this.#read();
  }

  #loginSteps(steps: readonly LoginStep[]): readonly CatalogStep[] {
    return steps.map((step): CatalogStep => {
      switch (step.kind) {
        case 'Send':
          return step;
        case 'StartTls':
          return step;
        case 'Failed':
          return this.#failed(step.fault.message);
        case 'Done':
          this.#phase = 'Asking';
          this.#scanner.feed(this.#login.rest());
          return this.#ask('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
        default:
          return step satisfies never;
      }
    });
  }

  #read(): readonly CatalogStep[] {
    const steps: CatalogStep[] = [];
    while (this.#phase === 'Asking') {
      const result = this.#scanner.next();
      if (result === 'More') break;
      if (result === 'Frame') steps.push(...this.#frame());
      else steps.push(this.#failed('it sent a frame that is malformed or too large'));
    }
    return steps;
  }

  #frame(): readonly CatalogStep[] {
    const { type, buffer, start, end } = this.#scanner;
    const body = new BodyReader(buffer, start + 5, end);
    if (type === FRAME.dataRow) {
      const row = readRow(body);
      if (row === undefined || ++this.#rowCount > ROWS_MAX) return [this.#failed('it sent rows that make no sense')];
      this.#rows.push(row);
      return [];
    }
    if (type === FRAME.error) {
      const message = readErrorFields(body)?.get('M') ?? 'an error that cannot be read';
      return [this.#failed(`it says: ${message}`)];
    }
    return type === FRAME.readyForQuery ? this.#next() : [];
  }

  #next(): readonly CatalogStep[] {
    const answered = this.#questions[this.#at];
    if (answered !== undefined) this.#answers.set(answered.name, this.#rows);
    this.#rows = [];
    const question = this.#questions[++this.#at];
    if (question !== undefined) return [this.#ask(question.sql)];
    this.#phase = 'Over';
    const answers = Object.fromEntries(this.#answers) as Record<string, unknown> as CatalogAnswers<Name>;
    return [
      { kind: 'Send', bytes: TERMINATE },
      { kind: 'Done', catalog: this.#build(answers) },
    ];
  }

  #ask(sql: string): CatalogStep {
    return { kind: 'Send', bytes: writeFrame(FRAME.query, sql) };
  }

  #failed(why: string): CatalogStep {
    this.#phase = 'Over';
    const message = `The target's catalog cannot be read: ${why}.`;
    return { kind: 'Done', catalog: fail({ code: 'CatalogUnavailable', message }) };
  }
}

function readRow(body: BodyReader): readonly (string | null)[] | undefined {
  const count = body.int16();
  const row: (string | null)[] = [];
  for (let at = 0; at < count && !body.failed; at++) {
    const length = body.int32();
    row.push(length < 0 ? null : asText(body.bytes(length)));
  }
  return body.complete ? row : undefined;
}
