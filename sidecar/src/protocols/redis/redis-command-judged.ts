import type { MaskRules, RedisCommand } from '@sidegate/policy';
import type { JudgedCommand } from '../protocol.ts';
import type { RedisReading } from './classify.ts';
import { maskedTextOf, textOf } from './command-text.ts';

const NOTHING: readonly never[] = [];
const NO_CLAIMS: JudgedCommand['claims'] = {};
/** With more keys no decision is kept: such commands seldom come again. */
const CACHED_KEYS_MAX = 4;
/** The database that a session begins in. */
const FIRST = '0';
/** What people are told who approve a part of a transaction: when it runs the agent says. */
const PUT_OFF = '(runs when the agent says EXEC)';

/** What of its session a command is shown with. */
interface JudgingSession {
  readonly recordMasks: MaskRules;
  /** The database that it finds. */
  readonly databaseShown: string;
  readonly inTransaction: boolean;
}

/** A command of Redis as it is judged and recorded. What only some need of it is made when somebody asks. */
export class RedisCommandJudged implements JudgedCommand {
  readonly wire: Uint8Array;
  readonly place?: Readonly<Record<string, string>>;
  readonly #args: readonly Uint8Array[];
  readonly #reading: RedisReading;
  /** Whose masks are in force when it is shown. */
  readonly #session: Pick<JudgingSession, 'recordMasks'>;

  constructor(args: readonly Uint8Array[], wire: Uint8Array, reading: RedisReading, session: JudgingSession) {
    this.wire = wire;
    const { databaseShown, inTransaction } = session;
    if (databaseShown !== FIRST || inTransaction) {
      this.place = {
        ...(databaseShown === FIRST ? {} : { database: databaseShown }),
        ...(inTransaction ? { transaction: PUT_OFF } : {}),
      };
    }
    this.#args = args;
    this.#reading = reading;
    this.#session = session;
  }

  get command(): RedisCommand {
    return this.#reading.command;
  }

  get text(): string {
    return textOf(this.#args);
  }

  get verbs(): readonly string[] {
    return [this.#reading.command.name];
  }

  get objects(): readonly string[] {
    return this.#reading.command.keys.map(({ name, access }) => `${access === 'Read' ? 'read' : 'write'} ${name}`);
  }

  get claims(): JudgedCommand['claims'] {
    return NO_CLAIMS;
  }

  /** All that a decision rests on, as one text. */
  get cacheKey(): string | undefined {
    const { name, keys, incomplete } = this.#reading.command;
    if (incomplete.length > 0 || keys.length > CACHED_KEYS_MAX) return undefined;
    let text = name;
    for (const use of keys) {
      if (use.fields !== undefined) return undefined;
      // A name may hold anything: its length says where it ends.
      text += `\0${use.access}${use.isPattern === true ? '~' : '='}${use.use ?? ''}\0${use.name.length}\0${use.name}`;
    }
    return text;
  }

  maskedText(): string {
    return maskedTextOf(this.#args, this.#reading, this.#session.recordMasks);
  }

  maskedBinds(): readonly string[] {
    return NOTHING;
  }
}
