import { MASKED, type MaskRules } from '@sidegate/policy';
import { asMixedText, fromMixedText, showMixedText } from '../mixed-text.ts';
import { passesMasks } from '../passes-masks.ts';
import type { RedisReading } from './classify.ts';
import { asLatin1, asUtf8, isPlainWord, nameOf } from './codec.ts';
import { maskText } from './mask.ts';

const NOTHING = new Uint8Array();
type Args = readonly Uint8Array[];

/** A command as redis-cli takes it: words as they are, anything else in double quotes with escapes. */
export function textOf(args: Args): string {
  return args.map(quoted).join(' ');
}

/** The same with the values of masked keys, contents and secrets masked. */
export function maskedTextOf(args: Args, reading: RedisReading, masks: MaskRules): string {
  const { name } = reading.command;
  const isSecret = SECRETS[name];
  if (masks.empty && isSecret === undefined) return textOf(args);
  const maskOf = masks.keys === undefined ? undefined : valueMasks(args, reading, masks);
  let text = '';
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? NOTHING;
    if (index > 0) text += ' ';
    if (isSecret?.(args, index) === true) text += MASKED;
    else if (index === 0 || masks.empty) text += quoted(arg);
    else if (reading.keyIndexes.has(index)) text += keyText(arg, masks);
    else text += valueText(arg, maskOf?.(index), masks);
  }
  return text;
}

function keyText(arg: Uint8Array, masks: MaskRules): string {
  if (isPlainWord(arg) && masks.passesContent?.(arg) === true) return asLatin1(arg);
  return quoted(fromMixedText(masks.maskContent(asMixedText(arg))));
}

function valueText(arg: Uint8Array, mask: ReturnType<MaskAt>, masks: MaskRules): string {
  if (mask !== undefined) return quoteText(masks.maskValue(mask, asUtf8(arg) ?? nameOf(arg)) ?? MASKED);
  if (isPlainWord(arg) && passesMasks(arg, masks)) return asLatin1(arg);
  return quoteText(showMixedText(maskText(asMixedText(arg), masks)));
}

function quoted(arg: Uint8Array): string {
  if (isPlainWord(arg)) return asLatin1(arg);
  const text = asUtf8(arg);
  return text === undefined ? quoteBytes(arg) : quoteText(text);
}

/** Bytes that are no text: each that is not printable as \xNN. */
function quoteBytes(bytes: Uint8Array): string {
  const escape = (character: string): string =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `"${asLatin1(bytes).replaceAll(/["\\]|[^\x20-\x7e]/g, escape)}"`;
}

function quoteText(text: string): string {
  return /^[^\s"'\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Passwords that stand in commands. They are never recorded, whatever the masks. */
const SECRETS: Readonly<Record<string, (args: Args, index: number) => boolean>> = {
  AUTH: (_args, index) => index > 0,
  HELLO: (args, index) => index > 2 && ['AUTH'].includes(wordAt(args, index - 2)),
  'CONFIG SET': (args, index) => index > 2 && index % 2 === 1 && /pass|auth|user/i.test(wordAt(args, index - 1)),
  'ACL SETUSER': (args, index) => index > 2 && /^[<>#!]/.test(wordAt(args, index)),
  MIGRATE: (args, index) =>
    wordAt(args, index - 1) === 'AUTH' || wordAt(args, index - 1) === 'AUTH2' || wordAt(args, index - 2) === 'AUTH2',
};

function wordAt(args: Args, index: number): string {
  const arg = args[index];
  return arg === undefined ? '' : nameOf(arg.subarray(0, 64)).toUpperCase();
}

type MaskAt = (index: number) => ReturnType<NonNullable<MaskRules['keys']>['mask']>;

/** Where the values of a command's keys stand among its arguments. */
function valueMasks(args: Args, { command, keyIndexes }: RedisReading, masks: MaskRules): MaskAt | undefined {
  const { keys } = masks;
  if (keys === undefined || !isAnyMasked(args, keyIndexes, keys)) return undefined;
  const [first] = keyIndexes;
  if (first === undefined) return undefined;
  const keyAt = (index: number): string => nameOf(args[index] ?? NOTHING);
  const shape = VALUE_SHAPES[command.name];
  const fieldMask = (index: number, from: number): ReturnType<MaskAt> =>
    (index - from) % 2 === 1 ? keys.mask(keyAt(first), keyAt(index - 1)) : undefined;
  switch (shape) {
    case 'None':
      return () => undefined;
    case 'Pairs':
      return (index) => (index < 2 ? undefined : fieldMask(index, 2));
    case 'Field':
      return (index) => (index === 3 ? keys.mask(keyAt(first), keyAt(2)) : undefined);
    case 'KeysAndValues':
      return (index) => (index > 1 && index % 2 === 0 ? keys.mask(keyAt(index - 1)) : undefined);
    case 'Entry':
      return (index) => entryMask(args, index, (from) => fieldMask(index, from));
    default: {
      // What the arguments are is not known: any of them may be a value.
      const strongest = [...keyIndexes]
        .map((index) => keys.any(keyAt(index), false))
        .find((mask) => mask !== undefined);
      return (index) => (index < first ? undefined : strongest);
    }
  }
}

/** Whether a mask is on the value, or on any field, of any key. */
function isAnyMasked(args: Args, keyIndexes: ReadonlySet<number>, keys: NonNullable<MaskRules['keys']>): boolean {
  for (const index of keyIndexes) if (keys.any(nameOf(args[index] ?? NOTHING), false) !== undefined) return true;
  return false;
}

/** XADD key [options] id field value ...: the fields begin behind the first argument that is `*` or an id. */
function entryMask(args: Args, index: number, maskFrom: (from: number) => ReturnType<MaskAt>): ReturnType<MaskAt> {
  // Fields and values stand in pairs up to the end, so the last one is a value.
  const from = args.length % 2 === 0 ? 2 : 3;
  return index > 2 ? maskFrom(from) : undefined;
}

/** Commands in whose arguments no value stands: whoever approves one sees where it goes and how much it takes. */
const WITHOUT_VALUES = `GET, GETEX, COPY, MOVE, EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, HGET, HMGET, HGETALL, HDEL, HSCAN,
  LRANGE, LINDEX, LTRIM, LPOP, RPOP, LMPOP, BLPOP, BRPOP, BLMPOP, LMOVE, BLMOVE, RPOPLPUSH, BRPOPLPUSH, SPOP, SRANDMEMBER,
  ZREMRANGEBYRANK, XRANGE, XREVRANGE, XREAD, XREADGROUP, XDEL, XACK, XTRIM`.split(/,\s*/);

const VALUE_SHAPES: Readonly<Record<string, 'None' | 'Pairs' | 'Field' | 'KeysAndValues' | 'Entry'>> = {
  ...Object.fromEntries(WITHOUT_VALUES.map((name) => [name, 'None'] as const)),
  HSET: 'Pairs',
  HMSET: 'Pairs',
  HSETNX: 'Field',
  MSET: 'KeysAndValues',
  MSETNX: 'KeysAndValues',
  XADD: 'Entry',
};
