import { asLatin1, readInteger } from './codec.ts';
import type { CommandEntry, KeySpec } from './command-catalog.ts';

/** A key among a command's arguments. */
export interface KeyPlace {
  readonly index: number;
  readonly reads: boolean;
  readonly writes: boolean;
  /** The argument is a pattern of keys, up to `->` if that is in it. */
  readonly isPattern?: true;
}

export interface FoundKeys {
  readonly places: readonly KeyPlace[];
  /** Why these may not be all; undefined when they are. */
  readonly missing: string | undefined;
}

type Args = readonly Uint8Array[];

const NONE: FoundKeys = { places: [], missing: undefined };

/** The keys of a command. What COMMAND GETKEYS would say, except that an option given twice counts twice. */
export function findKeys(entry: CommandEntry, args: Args): FoundKeys {
  const own = MOVABLE[entry.name];
  if (own !== undefined) return own(args);
  const { specs } = entry;
  if (specs.length === 0) return NONE;
  const places: KeyPlace[] = [];
  let missing: string | undefined;
  for (const spec of specs) {
    const found = bySpec(spec, args);
    if (found === undefined || (spec.isPartial && !entry.isKnown))
      missing = `Where ${entry.name} has its keys cannot be told.`;
    for (const index of found ?? []) places.push({ index, reads: spec.reads, writes: spec.writes });
  }
  return { places, missing };
}

function bySpec({ begin, find }: KeySpec, args: Args): readonly number[] | undefined {
  if (begin.kind !== 'Index' || find.kind === 'Unknown') return undefined;
  const start = begin.index < 0 ? args.length + begin.index : begin.index;
  if (start < 1 || start >= args.length) return [];
  if (find.kind === 'Count') {
    const count = numberAt(args, start + find.count);
    if (count === undefined || count < 0 || find.step < 1) return undefined;
    const first = start + find.first;
    const last = first + (count - 1) * find.step;
    return last >= args.length ? undefined : stepped(first, last, find.step);
  }
  const { last, step, limit } = find;
  if (step < 1) return undefined;
  const end =
    last >= 0
      ? start + last
      : limit > 1
        ? start + Math.floor((args.length - start) / limit) + last
        : args.length + last;
  return stepped(start, Math.min(end, args.length - 1), step);
}

function stepped(first: number, last: number, step: number): readonly number[] {
  const places: number[] = [];
  for (let at = first; at <= last; at += step) places.push(at);
  return places;
}

/** An argument as an option is compared: in upper case. */
export function optionAt(args: Args, index: number): string {
  const arg = args[index];
  return arg === undefined || arg.length > 32 ? '' : asLatin1(arg).toUpperCase();
}

export function numberAt(args: Args, index: number): number | undefined {
  const arg = args[index];
  return arg === undefined ? undefined : readInteger(arg, 0, arg.length);
}

const STAR = 0x2a;
const READ = { reads: true, writes: false } as const;
const WRITE = { reads: false, writes: true } as const;

/** Commands whose keys stand where their options say. */
const MOVABLE: Readonly<Record<string, (args: Args) => FoundKeys>> = {
  SORT: sortKeys,
  SORT_RO: sortKeys,
  XREAD: streamKeys,
  XREADGROUP: streamKeys,
  GEORADIUS: (args) => storedKeys(args, 6),
  GEORADIUSBYMEMBER: (args) => storedKeys(args, 5),
  MIGRATE: migrateKeys,
  SET: (args) => single(args, { reads: hasOption(args, 3, 'GET') || comparesInSet(args), writes: true }),
  // They give back what they claim.
  XCLAIM: (args) => single(args, { reads: true, writes: true }),
  XAUTOCLAIM: (args) => single(args, { reads: true, writes: true }),
  BITFIELD: (args) => single(args, { reads: true, writes: hasOption(args, 2, 'SET') || hasOption(args, 2, 'INCRBY') }),
};

function single(args: Args, access: { readonly reads: boolean; readonly writes: boolean }): FoundKeys {
  return args.length < 2 ? NONE : { places: [{ index: 1, ...access }], missing: undefined };
}

export function hasOption(args: Args, from: number, option: string): boolean {
  for (let at = from; at < args.length; at++) if (optionAt(args, at) === option) return true;
  return false;
}

/** SET key value [options]: one that Redis 7.0 does not have compares with the value that is there (IFEQ and its like in later servers). */
export function comparesInSet(args: Args): boolean {
  for (let at = 3; at < args.length; at++) {
    switch (optionAt(args, at)) {
      case 'NX':
      case 'XX':
      case 'GET':
      case 'KEEPTTL':
        break;
      case 'EX':
      case 'PX':
      case 'EXAT':
      case 'PXAT':
        at += 1;
        break;
      default:
        return true;
    }
  }
  return false;
}

/** SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination] */
function sortKeys(args: Args): FoundKeys {
  if (args.length < 2) return NONE;
  const places: KeyPlace[] = [{ index: 1, ...READ }];
  let missing: string | undefined;
  for (let at = 2; at < args.length; at++) {
    switch (optionAt(args, at)) {
      case 'ASC':
      case 'DESC':
      case 'ALPHA':
        break;
      case 'LIMIT':
        at += 2;
        break;
      case 'BY':
      case 'GET':
        at += 1;
        // With no star in it there is nothing to put an element in: no key is read (`nosort`, `#`).
        if (args[at]?.includes(STAR) === true) places.push({ index: at, ...READ, isPattern: true });
        break;
      case 'STORE':
        at += 1;
        if (at < args.length) places.push({ index: at, ...WRITE });
        break;
      default:
        missing = 'SORT has an option that is not known.';
    }
  }
  return { places, missing };
}

/** XREAD and XREADGROUP: all that stands behind STREAMS, the first half of it. */
function streamKeys(args: Args): FoundKeys {
  for (let at = 1; at < args.length; at++) {
    switch (optionAt(args, at)) {
      case 'COUNT':
      case 'BLOCK':
      case 'CLAIM':
        at += 1;
        break;
      case 'GROUP':
        at += 2;
        break;
      case 'NOACK':
        break;
      case 'STREAMS': {
        const rest = args.length - at - 1;
        if (rest === 0 || rest % 2 !== 0) return { places: [], missing: 'The streams and their ids do not pair.' };
        return { places: stepped(at + 1, at + rest / 2, 1).map((index) => ({ index, ...READ })), missing: undefined };
      }
      default:
        return { places: [], missing: 'The command has an option that is not known.' };
    }
  }
  return { places: [], missing: 'The command names no streams.' };
}

/** GEORADIUS and its like: every STORE and STOREDIST, since the last one holds. */
function storedKeys(args: Args, from: number): FoundKeys {
  if (args.length < 2) return NONE;
  const places: KeyPlace[] = [{ index: 1, ...READ }];
  for (let at = from; at < args.length; at++) {
    if (['STORE', 'STOREDIST'].includes(optionAt(args, at)) && at + 1 < args.length) {
      places.push({ index: at + 1, ...WRITE });
    }
  }
  return { places, missing: undefined };
}

/** MIGRATE host port key|"" db timeout [...] [KEYS key ...] */
function migrateKeys(args: Args): FoundKeys {
  const places: KeyPlace[] = [];
  if ((args[3]?.length ?? 0) > 0) places.push({ index: 3, reads: true, writes: true });
  for (let at = 6; at < args.length; at++) {
    if (optionAt(args, at) !== 'KEYS') continue;
    for (const index of stepped(at + 1, args.length - 1, 1)) places.push({ index, reads: true, writes: true });
    break;
  }
  return { places, missing: undefined };
}
