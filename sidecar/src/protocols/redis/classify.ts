import type { Incompleteness, RedisCommand, RedisKeyUse } from '@sidegate/policy';
import { type AnswerPlan, type Leak, readAnswer } from './answers.ts';
import { asLatin1, nameOf } from './codec.ts';
import type { CommandCatalog, CommandEntry } from './command-catalog.ts';
import { findKeys, type KeyPlace, numberAt, optionAt } from './keys.ts';
import { subscribingOf } from './subscriptions.ts';
import { isTopologyQuestion } from './topology-question.ts';
import { words } from './words.ts';

/** What of the session decides how a command is read. */
export interface ReadingSurroundings {
  readonly catalog: CommandCatalog;
  /** Databases that may be used; undefined: any. */
  readonly databases: ReadonlySet<number> | undefined;
  /** The database that the command finds. */
  readonly database: number;
  readonly inTransaction: boolean;
}

/** A command as it was understood. */
export interface RedisReading {
  readonly command: RedisCommand;
  readonly plan: AnswerPlan;
  /** Arguments that are keys or channels. */
  readonly keyIndexes: ReadonlySet<number>;
  /** Keys that are read: what limits count as rows. */
  readonly keysRead: number;
  /** The gate cannot carry it, whoever allows it; why. */
  readonly unsupported: string | undefined;
}

const NAME_BYTES_MAX = 64;

/** What would leave the form of one answer a command, or show what others do, unmasked. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  MONITOR: 'It shows the commands of all clients, which no mask reaches.',
  SYNC: 'It is for replicas.',
  PSYNC: 'It is for replicas.',
  REPLCONF: 'It is for replicas.',
};
/** What reaches past keys, into the server, its accounts or other clients, besides all of the category admin. */
const ADMINISTRATION =
  words(`CONFIG, MODULE, CLUSTER, ACL, DEBUG, MIGRATE, SHUTDOWN, REPLICAOF, SLAVEOF, FAILOVER, MONITOR, SYNC, PSYNC, REPLCONF,
  SLOWLOG, LATENCY, BGSAVE, SAVE, BGREWRITEAOF, PFDEBUG, PFSELFTEST, RESTORE-ASKING`);
const ADMINISTRATION_PARTS =
  words(`CLIENT KILL, CLIENT PAUSE, CLIENT UNPAUSE, CLIENT UNBLOCK, CLIENT LIST, CLIENT NO-EVICT, SCRIPT LOAD, SCRIPT FLUSH, SCRIPT KILL,
  SCRIPT DEBUG, FUNCTION LOAD, FUNCTION DELETE, FUNCTION FLUSH, FUNCTION RESTORE, FUNCTION KILL, FUNCTION DUMP, MEMORY PURGE`);
const HARMLESS = words('ACL WHOAMI, CLUSTER KEYSLOT, CLUSTER INFO, CLUSTER MYID, SENTINEL MYID, SENTINEL CKQUORUM');
const READING_SCRIPTS = words('EVAL_RO, EVALSHA_RO, FCALL_RO');
const SCRIPTS = new Set([...words('EVAL, EVALSHA, FCALL'), ...READING_SCRIPTS]);
const SERIALIZED = words('DUMP, RESTORE, RESTORE-ASKING');
const EVERY_KEY = words('FLUSHALL, FLUSHDB, SWAPDB');
/** What shows values of keys, or of their lengths, that the server does not say it reads: the commands of others, what is stored and how. */
const SHOWS_ANY = words('DEBUG, SLOWLOG, SLOWLOG GET, COMMANDLOG GET, FUNCTION STATS');

/** Reads a command: its name, its keys, and what the answer will hold. `args` is not empty. */
export function classify(args: readonly Uint8Array[], around: ReadingSurroundings): RedisReading {
  const name = nameIn(args, around.catalog);
  const entry = around.catalog.entries.get(name);
  const found = entry === undefined ? undefined : findKeys(entry, args);
  const places = channelsOf(name, args) ?? found?.places ?? [];
  const { plan, leak } = readAnswer(
    name,
    args,
    places.filter(({ isPattern }) => isPattern !== true).map((place) => nameAt(args, place)),
    entry?.isKnown === true,
  );
  const incomplete = gapsOf(name, entry, args, around);
  if (found?.missing !== undefined) incomplete.push({ kind: 'KeysUnknown', detail: found.missing });
  const keys = [...usesOf(name, places, args, leak), ...usesOfAny(name, entry)];
  const command: RedisCommand = {
    protocol: 'Redis',
    complete: incomplete.length === 0,
    incomplete,
    name,
    categories: entry?.categories ?? [],
    keys,
  };
  return {
    command,
    plan,
    keyIndexes: new Set(places.map(({ index }) => index)),
    keysRead: new Set(keys.filter(({ access }) => access === 'Read').map((use) => use.name)).size,
    unsupported: unsupportedIn(name, around),
  };
}

/** In a transaction it would change what later answers look like. */
function isOutsideTransactions(name: string): boolean {
  return name === 'HELLO' || name === 'CLIENT REPLY' || subscribingOf(name) !== undefined;
}

function unsupportedIn(name: string, { inTransaction }: ReadingSurroundings): string | undefined {
  const isOutside = inTransaction && isOutsideTransactions(name);
  return isOutside ? 'In a transaction it changes what later answers look like.' : UNSUPPORTED[name];
}

/** The upper-case name, with the subcommand where the command is nothing without. */
function nameIn(args: readonly Uint8Array[], catalog: CommandCatalog): string {
  const first = wordOf(args[0]);
  if (!catalog.containers.has(first) || args.length < 2) return first;
  return `${first} ${wordOf(args[1])}`;
}

function wordOf(arg: Uint8Array | undefined): string {
  if (arg === undefined) return '';
  const shown = arg.length > NAME_BYTES_MAX ? arg.subarray(0, NAME_BYTES_MAX) : arg;
  const plain = asLatin1(shown);
  if (/^[\w.-]*$/.test(plain)) return plain.toUpperCase();
  // Only ASCII is folded: that is all that Redis folds.
  const text = plain.replaceAll(/[^\x21-\x7e]/g, (other) => `\\x${other.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return text.toUpperCase();
}

function gapsOf(
  name: string,
  entry: CommandEntry | undefined,
  args: readonly Uint8Array[],
  around: ReadingSurroundings,
): Incompleteness[] {
  const gaps = gapsByName(name, entry, args);
  if (around.inTransaction && isOutsideTransactions(name)) {
    const detail = `${name} in a transaction changes what later answers look like.`;
    gaps.push({ kind: 'InTransaction', detail });
  }
  databaseGap(name, args, around, (kind, detail) => void gaps.push({ kind, detail }));
  return gaps;
}

function gapsByName(name: string, entry: CommandEntry | undefined, args: readonly Uint8Array[]): Incompleteness[] {
  const gaps: Incompleteness[] = [];
  const gap = (kind: string, detail: string): void => void gaps.push({ kind, detail });
  if (entry === undefined) gap('UnknownCommand', `The server has no command ${name}.`);
  const unsupported = UNSUPPORTED[name];
  if (unsupported !== undefined) gap('Unsupported', unsupported);
  const [container = ''] = name.split(' ');
  const isAdministration =
    ADMINISTRATION.has(container) || ADMINISTRATION_PARTS.has(name) || entry?.categories.includes('admin') === true;
  if (isAdministration && !HARMLESS.has(name) && !isTopologyQuestion(args)) {
    gap('Administration', `${name} reaches past keys, into the server or other clients.`);
  }
  if (SCRIPTS.has(name)) gap('Script', `What the script of ${name} does is not read.`);
  if (SERIALIZED.has(name)) gap('Serialized', `The serialized value of ${name} is not read.`);
  return gaps;
}

function databaseGap(
  name: string,
  args: readonly Uint8Array[],
  { databases, database, inTransaction }: ReadingSurroundings,
  gap: (kind: string, detail: string) => void,
): void {
  if (databases === undefined) return;
  const named = databasesOf(name, args, database);
  const isAllowed = (number: number | undefined): boolean => number !== undefined && databases.has(number);
  if (named !== undefined && !named.every(isAllowed))
    gap('DatabaseNotAllowed', 'The target does not allow that database.');
  if (name === 'SELECT' && inTransaction)
    gap('InTransaction', 'SELECT in a transaction changes what later commands mean.');
  if (name === 'FLUSHALL') gap('DatabaseNotAllowed', 'FLUSHALL reaches every database.');
  if (SCRIPTS.has(name)) gap('AnyDatabase', `The script of ${name} may select any database.`);
  if (named === undefined && !databases.has(database) && !['AUTH', 'HELLO', 'PING', 'QUIT'].includes(name)) {
    gap('DatabaseNotAllowed', `The target does not allow database ${database}; SELECT another one.`);
  }
}

/** Databases that a command names and works in; undefined when it names none and is about the one that is selected. */
function databasesOf(
  name: string,
  args: readonly Uint8Array[],
  selected: number,
): readonly (number | undefined)[] | undefined {
  switch (name) {
    case 'SELECT':
      return [numberAt(args, 1)];
    case 'SWAPDB':
      return [numberAt(args, 1), numberAt(args, 2)];
    case 'MOVE':
      return [selected, numberAt(args, 2)];
    case 'COPY': {
      // Of several the last one holds, and none is forgotten.
      const named = args.flatMap((_, at) => (at > 2 && optionAt(args, at) === 'DB' ? [numberAt(args, at + 1)] : []));
      return named.length === 0 ? undefined : [selected, ...named];
    }
    default:
      return undefined;
  }
}

/** Channels are named like keys: a subscription reads them, a message writes. */
function channelsOf(name: string, args: readonly Uint8Array[]): readonly KeyPlace[] | undefined {
  if (name === 'PUBLISH' || name === 'SPUBLISH') {
    return args.length < 2 ? [] : [{ index: 1, reads: false, writes: true }];
  }
  const subscribing = subscribingOf(name);
  if (subscribing === undefined) return undefined;
  if (!subscribing.adds) return [];
  const isPattern = subscribing.kind === 'pattern' ? ({ isPattern: true } as const) : {};
  return args.slice(1).map((_, at) => ({ index: at + 1, reads: true, writes: false, ...isPattern }));
}

function nameAt(args: readonly Uint8Array[], { index }: KeyPlace): string {
  return nameOf(args[index] ?? new Uint8Array());
}

function usesOf(
  name: string,
  places: readonly KeyPlace[],
  args: readonly Uint8Array[],
  leak: Leak | undefined,
): readonly RedisKeyUse[] {
  const uses: RedisKeyUse[] = [];
  let isFirst = true;
  for (const place of places) {
    const text = nameAt(args, place);
    const pattern: Pick<RedisKeyUse, 'isPattern'> = place.isPattern === true ? { isPattern: true } : {};
    const shown = place.isPattern === true && name.startsWith('SORT') ? keyPatternOf(text) : text;
    const leaks: Pick<RedisKeyUse, 'use' | 'fields'> =
      leak !== undefined && (leak.use !== 'Copy' || isFirst) ? leak : {};
    const isRead = place.reads || (leaks.use !== undefined && leaks.use !== 'Copy');
    if (isRead) uses.push({ name: shown, access: place.reads ? 'Read' : 'Write', ...pattern, ...leaks });
    if (place.writes && (place.reads || !isRead)) uses.push({ name: shown, access: 'Write', ...pattern });
    isFirst = false;
  }
  return uses;
}

/** SORT takes a field out of a hash by `pattern->field`; an arrow before the star is part of the key's name. */
function keyPatternOf(text: string): string {
  const at = text.indexOf('->', text.indexOf('*'));
  return at < 0 ? text : text.slice(0, at);
}

/** What a command may do to keys that nothing in it names. */
function usesOfAny(name: string, entry: CommandEntry | undefined): readonly RedisKeyUse[] {
  const write: RedisKeyUse = { name: '*', access: 'Write', isPattern: true };
  if (EVERY_KEY.has(name)) return [write];
  const reaches = SCRIPTS.has(name) || SHOWS_ANY.has(name);
  if (!reaches && (entry === undefined || entry.reach === 'None')) return [];
  const read: RedisKeyUse = { name: '*', access: 'Read', isPattern: true, use: 'Part' };
  const isShowing = SHOWS_ANY.has(name) && name !== 'DEBUG';
  const isReading = isShowing || READING_SCRIPTS.has(name) || entry?.reach === 'ReadsAny';
  return isReading ? [read] : [read, write];
}
