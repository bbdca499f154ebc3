import { asLatin1, nameOf } from './codec.ts';
import { comparesInSet, hasOption, optionAt } from './keys.ts';
import type { TopologyForm } from './topology.ts';
import { topologyForm } from './topology-question.ts';
import { words } from './words.ts';

/** What an answer holds, and where, as masks need to know it. */
export type AnswerPlan =
  /** No value of a key: counts, OK, names. Contents are looked for all the same. */
  | { readonly kind: 'Plain' }
  /** Names of keys, or something of a key each, which limits count; as a number, how many. */
  | { readonly kind: 'Names' }
  /** Every text is a value of one of these keys; `ofFields`: of any of its fields. */
  | { readonly kind: 'Values'; readonly keys: readonly string[]; readonly ofFields: boolean }
  /** One value a key, in their order. */
  | { readonly kind: 'PerKey'; readonly keys: readonly string[] }
  /** Fields and values by turns, also as a map or in pairs. */
  | { readonly kind: 'Pairs'; readonly key: string }
  /** The values of these fields, in their order. */
  | { readonly kind: 'Fields'; readonly key: string; readonly fields: readonly string[] }
  | { readonly kind: 'HashScan'; readonly key: string }
  | { readonly kind: 'SetScan'; readonly key: string }
  /** A key, then values of it. */
  | { readonly kind: 'Popped' }
  /** Entries of a stream. */
  | { readonly kind: 'Entries'; readonly key: string }
  /** Streams by key, each with entries. */
  | { readonly kind: 'Streams' }
  /** What a channel sends: its kind, the channel, and last the payload. */
  | { readonly kind: 'Message' }
  /** Where nodes are: written anew. */
  | { readonly kind: 'Topology'; readonly form: TopologyForm }
  /** Settings or accounts of the server, with passwords or what they are hashed to, the gate's own among them. */
  | { readonly kind: 'Secrets' }
  /** XAUTOCLAIM: the entries stand second. */
  | { readonly kind: 'Claimed'; readonly key: string }
  /** JSON documents; `path` undefined: whole ones. */
  | {
      readonly kind: 'Json';
      readonly keys: readonly string[];
      readonly path: string | undefined;
      readonly isWhole: boolean;
    };

/** Whether the plan keeps the names of keys or fields, which may be as long as the command. */
export function keepsNames(plan: AnswerPlan): boolean {
  return 'keys' in plan || 'key' in plan;
}

/** How a command's answer or effect gets past a mask on one of its keys; see `RedisKeyUse.use`. */
export interface Leak {
  readonly use: 'Condition' | 'Part' | 'Copy';
  readonly fields?: readonly string[];
}

export interface AnswerReading {
  readonly plan: AnswerPlan;
  readonly leak: Leak | undefined;
}

type Args = readonly Uint8Array[];

const QUESTION_MARK = 0x3f;

const PLAIN: AnswerReading = { plan: { kind: 'Plain' }, leak: undefined };
const CONDITION: AnswerReading = { plan: { kind: 'Plain' }, leak: { use: 'Condition' } };
const PART: AnswerReading = { plan: { kind: 'Plain' }, leak: { use: 'Part' } };

/** Commands whose answers hold no value of a key. */
const WITHOUT_VALUES =
  words(`DEL, UNLINK, EXISTS, TOUCH, TYPE, TTL, PTTL, EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, EXPIRETIME, PEXPIRETIME, PERSIST,
  SETEX, PSETEX, SETNX, MSET, MSETNX, HSET, HMSET, HSETNX, HDEL, HLEN, HEXISTS, HKEYS, LPUSH, RPUSH, LPUSHX, RPUSHX, LLEN, LSET, LTRIM, SADD, SCARD,
  ZCARD, ZREMRANGEBYRANK, XADD, XLEN, XACK, XDEL, XTRIM, XSETID, XPENDING, XGROUP CREATE, XGROUP CREATECONSUMER, XGROUP DELCONSUMER, XGROUP DESTROY,
  XGROUP SETID, XINFO GROUPS, XINFO CONSUMERS, WATCH, UNWATCH, OBJECT IDLETIME, OBJECT FREQ, MOVE,
  PUBLISH, SPUBLISH, SUBSCRIBE, SSUBSCRIBE, PSUBSCRIBE, FLUSHALL, FLUSHDB, SWAPDB, HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HTTL, HPTTL,
  HPERSIST, HEXPIRETIME, HPEXPIRETIME`);

/** Commands whose answer is the value of their one key, or values out of it. */
const VALUES = words(`GET, GETEX, GETDEL, GETSET, LRANGE, LINDEX, LPOP, RPOP, SMEMBERS, SPOP, SRANDMEMBER, HVALS`);

/** True for commands whose answer holds the same whatever their arguments: nothing of a key, or the values of their keys. */
export function isAnswerFixed(name: string): boolean {
  return WITHOUT_VALUES.has(name) || VALUES.has(name);
}

/**
 * Commands that work on a piece of a value, turn it into another, compare values by their bytes, or tell how long they are: asked often enough, the
 * answers tell all of it. An encoding is chosen by length, and by whether all that is there are numbers.
 */
const PARTS =
  words(`GETRANGE, SUBSTR, SETRANGE, APPEND, GETBIT, SETBIT, BITFIELD, BITFIELD_RO, BITCOUNT, BITPOS, BITOP, LCS, STRLEN, DUMP, ZLEXCOUNT,
  ZRANGEBYLEX, ZREVRANGEBYLEX, ZREMRANGEBYLEX, OBJECT ENCODING, MEMORY USAGE, EVAL, EVALSHA, EVAL_RO, EVALSHA_RO, FCALL, FCALL_RO`);

/** Commands that put the value of the first key, or part of it, into another, and answer nothing else about it. */
const COPIES = words('RENAME, RENAMENX, COPY, LMOVE, BLMOVE, RPOPLPUSH, BRPOPLPUSH');

const POPS = words('BLPOP, BRPOP, LMPOP, BLMPOP');
/** Commands that show with what passwords the server takes clients, or with what it goes to others. */
const SECRETS = words('CONFIG GET, SENTINEL CONFIG, ACL GETUSER, ACL LIST');

/**
 * What the answer to a command holds. A command with keys that is not known here is a condition on them: what it answers cannot be masked. One that only
 * the server knows (`isKnown` false) may look into values as well: VSIM with FILTER compares fields of JSON.
 */
export function readAnswer(name: string, args: Args, keys: readonly string[], isKnown: boolean): AnswerReading {
  const [key] = keys;
  const form = topologyForm(args);
  if (form !== undefined) return of({ kind: 'Topology', form });
  if (WITHOUT_VALUES.has(name)) return PLAIN;
  if (SECRETS.has(name)) return of({ kind: 'Secrets' });
  if (key === undefined) return name === 'KEYS' || name === 'SCAN' || name === 'RANDOMKEY' ? NAMES : PLAIN;
  if (VALUES.has(name)) return of({ kind: 'Values', keys, ofFields: name === 'HVALS' });
  if (PARTS.has(name)) return PART;
  if (COPIES.has(name)) return { plan: { kind: 'Values', keys, ofFields: true }, leak: { use: 'Copy' } };
  if (POPS.has(name)) return of({ kind: 'Popped' });
  const read = READERS[name];
  if (read !== undefined) return read(args, key, keys);
  return isKnown ? CONDITION : PART;
}

const NAMES: AnswerReading = of({ kind: 'Names' });

function of(plan: AnswerPlan): AnswerReading {
  return { plan, leak: undefined };
}

const READERS: Readonly<Record<string, (args: Args, key: string, keys: readonly string[]) => AnswerReading>> = {
  SET: (args, _key, keys) => {
    if (comparesInSet(args)) return CONDITION;
    return hasOption(args, 3, 'GET') ? of({ kind: 'Values', keys, ofFields: false }) : PLAIN;
  },
  MGET: (_args, _key, keys) => of({ kind: 'PerKey', keys }),
  HGETALL: (_args, key) => of({ kind: 'Pairs', key }),
  HRANDFIELD: (args, key) => (hasOption(args, 3, 'WITHVALUES') ? of({ kind: 'Pairs', key }) : PLAIN),
  HGET: (args, key) => of({ kind: 'Fields', key, fields: args.slice(2).map(nameOf) }),
  HMGET: (args, key) => of({ kind: 'Fields', key, fields: args.slice(2).map(nameOf) }),
  HSCAN: (args, key) => (hasOption(args, 3, 'NOVALUES') ? PLAIN : of({ kind: 'HashScan', key })),
  SSCAN: (args, key) => (hasOption(args, 3, 'MATCH') ? PART : of({ kind: 'SetScan', key })),
  ZSCAN: (args) => (hasOption(args, 3, 'MATCH') ? PART : CONDITION),
  SORT: sorted,
  SORT_RO: sorted,
  HSTRLEN: (args) => onField(args, 'Part'),
  HINCRBY: (args) => onField(args, 'Condition'),
  HINCRBYFLOAT: (args) => onField(args, 'Condition'),
  ZADD: (args) => (tellsOfChange(args) ? CONDITION : PLAIN),
  GEOADD: (args) => (tellsOfChange(args) ? CONDITION : PLAIN),
  ZRANGE: rangeByRank,
  ZREVRANGE: rangeByRank,
  ZRANDMEMBER: rangeByRank,
  ZRANGESTORE: (args) => (hasOption(args, 3, 'BYLEX') ? PART : CONDITION),
  XRANGE: (_args, key) => of({ kind: 'Entries', key }),
  XREVRANGE: (_args, key) => of({ kind: 'Entries', key }),
  XCLAIM: (_args, key) => of({ kind: 'Entries', key }),
  XAUTOCLAIM: (_args, key) => of({ kind: 'Claimed', key }),
  XREAD: () => of({ kind: 'Streams' }),
  XREADGROUP: () => of({ kind: 'Streams' }),
  'JSON.GET': readJson,
  'JSON.MGET': (args, _key, keys) => {
    const path = args.at(-1);
    if (chooses(path)) return PART;
    return of({ kind: 'Json', keys, path: path === undefined ? undefined : pathOf(path), isWhole: false });
  },
  'JSON.SET': atPath,
  'JSON.DEL': atPath,
  'JSON.FORGET': atPath,
  'JSON.TYPE': atPath,
};

function onField(args: Args, use: 'Condition' | 'Part'): AnswerReading {
  const field = args[2];
  const fields = field === undefined ? {} : { fields: [nameOf(field)] };
  return { plan: { kind: 'Plain' }, leak: { use, ...fields } };
}

/** By their bytes with ALPHA, else as numbers, which documents are not. GET reads a key for each element: as many as come back. */
function sorted(args: Args): AnswerReading {
  const { plan, leak } = hasOption(args, 2, 'ALPHA') ? PART : CONDITION;
  return { plan: hasOption(args, 2, 'GET') ? NAMES.plan : plan, leak };
}

/** Nothing of the value comes back but whether the path leads anywhere. */
function atPath(args: Args): AnswerReading {
  return chooses(args[2]) ? PART : PLAIN;
}

/** A path with a filter looks at values, and what comes back tells what it saw. */
function chooses(path: Uint8Array | undefined): boolean {
  return path?.includes(QUESTION_MARK) === true;
}

/**
 * ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member ..., and GEOADD: INCR gives the score, and CH counts where another was there, with GT and LT where
 * it was lower or higher.
 */
function tellsOfChange(args: Args): boolean {
  for (let at = 2; at < args.length; at++) {
    const option = optionAt(args, at);
    if (option === 'INCR' || option === 'CH') return true;
    if (!['NX', 'XX', 'GT', 'LT'].includes(option)) return false;
  }
  return false;
}

/** Members by rank are values; with scores, or chosen by score, the answer tells what no mask hides. */
function rangeByRank(args: Args, _key: string, keys: readonly string[]): AnswerReading {
  if (hasOption(args, 2, 'BYLEX')) return PART;
  const tells = ['WITHSCORES', 'BYSCORE'].some((option) => hasOption(args, 2, option));
  return tells ? CONDITION : of({ kind: 'Values', keys, ofFields: false });
}

/** JSON.GET key [INDENT i] [NEWLINE n] [SPACE s] [path ...] */
function readJson(args: Args, _key: string, keys: readonly string[]): AnswerReading {
  let at = 2;
  while (['INDENT', 'NEWLINE', 'SPACE'].includes(optionAt(args, at))) at += 2;
  if (optionAt(args, at) === 'NOESCAPE') at += 1;
  const paths = args.slice(at);
  if (paths.some(chooses)) return PART;
  const [path] = paths;
  const isWhole = path === undefined || (paths.length === 1 && ['$', '.'].includes(pathOf(path)));
  const only = paths.length === 1 && path !== undefined ? pathOf(path) : undefined;
  return of({ kind: 'Json', keys, path: isWhole ? undefined : only, isWhole });
}

function pathOf(arg: Uint8Array): string {
  return arg.length > 1024 ? '?' : asLatin1(arg);
}
