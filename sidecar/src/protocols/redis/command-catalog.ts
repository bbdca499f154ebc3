import { COMMAND_TABLE } from './command-table.ts';
import { type Reach, reachOf } from './module-commands.ts';
import { listOf, memberOf, type ReplyValue, textOf } from './reply-value.ts';

/** Where a command's keys stand, as a server describes it (redis.io, "Command key specifications"). */
export interface KeySpec {
  readonly reads: boolean;
  readonly writes: boolean;
  /** The server itself says that this is not all. */
  readonly isPartial: boolean;
  /** It is a channel, not a key. */
  readonly isChannel: boolean;
  readonly begin:
    | { readonly kind: 'Index'; readonly index: number }
    | { readonly kind: 'Keyword'; readonly keyword: string; readonly from: number }
    | { readonly kind: 'Unknown' };
  readonly find:
    | { readonly kind: 'Range'; readonly last: number; readonly step: number; readonly limit: number }
    | { readonly kind: 'Count'; readonly count: number; readonly first: number; readonly step: number }
    | { readonly kind: 'Unknown' };
}

export interface CommandEntry {
  /** Upper case, a space before the subcommand. */
  readonly name: string;
  readonly categories: readonly string[];
  readonly specs: readonly KeySpec[];
  /** False for a command that only the server knows: nothing but its own word tells about its keys. */
  readonly isKnown: boolean;
  /** The keys that it may touch besides. */
  readonly reach: Reach;
}

/** The commands of a server. */
export interface CommandCatalog {
  readonly entries: ReadonlyMap<string, CommandEntry>;
  /** Names that are nothing without a subcommand. */
  readonly containers: ReadonlySet<string>;
}

/** The catalog for a server that does not tell its own. */
export function committedCatalog(): CommandCatalog {
  const entries = new Map<string, CommandEntry>();
  for (const line of COMMAND_TABLE.split('\n')) {
    const [name, categories, ...specs] = line.split(' ');
    if (name === undefined || categories === undefined) continue;
    const entry: CommandEntry = {
      name: name.replace('|', ' '),
      categories: categories === '-' ? [] : categories.split(','),
      specs: specs.map(readSpec),
      isKnown: true,
      reach: 'None',
    };
    entries.set(entry.name, entry);
  }
  return { entries, containers: containersOf(entries) };
}

const COMMITTED = committedCatalog();

/**
 * The catalog that the answer to COMMAND describes. What a command that is known anyway does with its keys is taken from the committed table; whether it
 * is there, and its ACL categories, from the server. Undefined: that is no such answer.
 */
export function catalogOf(answer: ReplyValue): CommandCatalog | undefined {
  if (answer.kind !== 'List') return undefined;
  const entries = new Map<string, CommandEntry>();
  for (const item of answer.items) if (!addEntry(item, entries)) return undefined;
  return entries.size === 0 ? undefined : { entries, containers: containersOf(entries) };
}

function containersOf(entries: ReadonlyMap<string, CommandEntry>): ReadonlySet<string> {
  return new Set([...entries.keys()].filter((name) => name.includes(' ')).map((name) => name.split(' ')[0] ?? ''));
}

function addEntry(item: ReplyValue, entries: Map<string, CommandEntry>): boolean {
  const [name, arity, flags, first, last, step, categories, , specs, subcommands] = listOf(item);
  const text = textOf(name).toUpperCase().replace('|', ' ');
  if (text === '') return false;
  const subs = listOf(subcommands);
  for (const sub of subs) if (!addEntry(sub, entries)) return false;
  // COMMAND is one without a subcommand too.
  if (subs.length > 0 && numberOf(arity) !== -1) return true;
  const known = COMMITTED.entries.get(text);
  // A server before 6.2 lists CONFIG and its like as one command: the table knows their subcommands.
  if (subs.length === 0 && COMMITTED.containers.has(text)) {
    for (const entry of COMMITTED.entries.values())
      if (entry.name.startsWith(`${text} `)) entries.set(entry.name, entry);
    if (known === undefined) return true;
  }
  const told = listOf(categories).map((category) => textOf(category).replace(/^@/, ''));
  const keySpecs = known?.specs ?? specsOf(listOf(specs), [first, last, step].map(numberOf));
  entries.set(text, {
    name: text,
    categories: told.length === 0 ? (known?.categories ?? []) : told,
    specs: keySpecs,
    isKnown: known !== undefined,
    reach: known === undefined ? reachOf(text, listOf(flags).map(textOf), keySpecs.length > 0) : 'None',
  });
  return true;
}

function specsOf(specs: readonly ReplyValue[], [first = 0, last = 0, step = 0]: readonly number[]): readonly KeySpec[] {
  if (specs.length > 0) return specs.map(specOf);
  if (first <= 0) return [];
  return [
    {
      reads: true,
      writes: true,
      isPartial: false,
      isChannel: false,
      begin: { kind: 'Index', index: first },
      // As counted from the first key, unless it is counted from the end.
      find: { kind: 'Range', last: last < 0 ? last : last - first, step, limit: 0 },
    },
  ];
}

function specOf(value: ReplyValue): KeySpec {
  const flags = listOf(memberOf(value, 'flags')).map(textOf);
  const begin = memberOf(value, 'begin_search');
  const find = memberOf(value, 'find_keys');
  return {
    reads: flags.includes('RO') || flags.includes('access') || flags.includes('RW'),
    writes: !flags.includes('RO'),
    isPartial: flags.includes('incomplete'),
    isChannel: flags.includes('not_key'),
    begin: beginOf(textOf(memberOf(begin, 'type')), memberOf(begin, 'spec')),
    find: findOf(textOf(memberOf(find, 'type')), memberOf(find, 'spec')),
  };
}

function beginOf(type: string, spec: ReplyValue | undefined): KeySpec['begin'] {
  if (type === 'index') return { kind: 'Index', index: numberOf(memberOf(spec, 'index')) };
  // Where a keyword stands is known only to whoever knows the command's options.
  return { kind: 'Unknown' };
}

function findOf(type: string, spec: ReplyValue | undefined): KeySpec['find'] {
  const number = (name: string): number => numberOf(memberOf(spec, name));
  if (type === 'range') {
    return { kind: 'Range', last: number('lastkey'), step: number('keystep'), limit: number('limit') };
  }
  if (type === 'keynum') {
    return { kind: 'Count', count: number('keynumidx'), first: number('firstkey'), step: number('keystep') };
  }
  return { kind: 'Unknown' };
}

function readSpec(text: string): KeySpec {
  const [access = '', begin = '?', find = '?'] = text.split(':');
  const [keyword = '', from] = begin.split('@');
  const numbers = find.replace('#', '').split(',').map(Number);
  const [one = 0, two = 0, three = 0] = numbers;
  return {
    reads: access.includes('r'),
    writes: access.includes('w'),
    isPartial: access.includes('!'),
    isChannel: access.includes('~'),
    begin:
      begin === '?'
        ? { kind: 'Unknown' }
        : from === undefined
          ? { kind: 'Index', index: Number(begin) }
          : { kind: 'Keyword', keyword, from: Number(from) },
    find:
      find === '?'
        ? { kind: 'Unknown' }
        : find.startsWith('#')
          ? { kind: 'Count', count: one, first: two, step: three }
          : { kind: 'Range', last: one, step: two, limit: three },
  };
}

function numberOf(value: ReplyValue | undefined): number {
  const number = Number(textOf(value));
  return Number.isSafeInteger(number) ? number : 0;
}
