import { isAnswerFixed } from './answers.ts';
import { classify, type RedisReading } from './classify.ts';
import { asLatin1, nameOf } from './codec.ts';
import type { CommandCatalog } from './command-catalog.ts';

/** Words that clients begin commands with; whoever makes up more starts over. */
const WORDS_MAX = 1_000;
const WORD_BYTES_MAX = 32;
const PROBE = Buffer.from('key');

/** How a command with one key is read, but for the key's name. */
type Pattern = Pick<RedisReading, 'command' | 'keyIndexes' | 'keysRead'> & { readonly givesValue: boolean };

/**
 * Reads the commands of one session. Most of them have one key, which is their first argument, and nothing but its name tells two of one kind
 * apart: how such a command is read is found out once.
 */
export class Classifier {
  readonly #catalog: CommandCatalog;
  readonly #databases: ReadonlySet<number> | undefined;
  /** By the first word as it was sent; undefined: each must be read by itself. */
  readonly #patterns = new Map<string, Pattern | undefined>();

  constructor(catalog: CommandCatalog, databases: ReadonlySet<number> | undefined) {
    this.#catalog = catalog;
    this.#databases = databases;
  }

  /** As `classify`. */
  read(args: readonly Uint8Array[], database: number, inTransaction: boolean): RedisReading {
    const [word, key] = args;
    const isAllowed = this.#databases === undefined || this.#databases.has(database);
    const pattern =
      word === undefined || key === undefined || !isAllowed ? undefined : this.#patternOf(word, args.length);
    if (pattern === undefined || key === undefined) {
      return classify(args, { catalog: this.#catalog, databases: this.#databases, database, inTransaction });
    }
    const name = nameOf(key);
    const { command, keyIndexes, keysRead, givesValue } = pattern;
    return {
      command: {
        protocol: 'Redis',
        complete: true,
        incomplete: command.incomplete,
        name: command.name,
        categories: command.categories,
        keys: command.keys.map(({ access }) => ({ name, access })),
      },
      plan: givesValue ? { kind: 'Values', keys: [name], ofFields: false } : PLAIN,
      keyIndexes,
      keysRead,
      unsupported: undefined,
    };
  }

  #patternOf(word: Uint8Array, count: number): Pattern | undefined {
    if (word.length > WORD_BYTES_MAX) return undefined;
    const text = asLatin1(word);
    let pattern = this.#patterns.get(text);
    if (pattern === undefined && !this.#patterns.has(text)) {
      pattern = findPattern(word, this.#catalog);
      if (this.#patterns.size >= WORDS_MAX) this.#patterns.clear();
      this.#patterns.set(text, pattern);
    }
    // Options of SET may read the old value.
    return pattern?.command.name === 'SET' && count !== 3 ? undefined : pattern;
  }
}

const PLAIN = { kind: 'Plain' } as const;

/** Undefined: more than the name of the first argument counts. */
function findPattern(word: Uint8Array, catalog: CommandCatalog): Pattern | undefined {
  const around = { catalog, databases: undefined, database: 0, inTransaction: false };
  const { command, plan, keyIndexes, keysRead, unsupported } = classify([word, PROBE, PROBE], around);
  const { name, keys } = command;
  const entry = catalog.entries.get(name);
  const [spec, ...more] = entry?.specs ?? [];
  if (spec?.begin.kind !== 'Index' || spec.begin.index !== 1 || more.length > 0) return undefined;
  if (spec.find.kind !== 'Range' || spec.find.last !== 0 || spec.find.step !== 1 || spec.isPartial) return undefined;
  // MOVE names another database.
  if (!(isAnswerFixed(name) || name === 'SET') || name === 'MOVE' || plan.kind === 'Names') return undefined;
  const isPlain = command.complete && unsupported === undefined && keyIndexes.size === 1 && keyIndexes.has(1);
  if (!isPlain || keys.some((use) => use.isPattern ?? use.use ?? use.fields)) return undefined;
  if (plan.kind === 'Values' && plan.ofFields) return undefined;
  return { command, keyIndexes, keysRead, givesValue: plan.kind === 'Values' };
}
