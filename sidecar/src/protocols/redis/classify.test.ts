import { describe, expect, test } from '@jest/globals';
import type { RedisKeyUse } from '@sidegate/policy';
import { classify, type ReadingSurroundings, type RedisReading } from './classify.ts';
import { catalogOf, committedCatalog } from './command-catalog.ts';
import { splitInline } from './inline.ts';
import type { ReplyValue } from './reply-value.ts';

const AROUND: ReadingSurroundings = {
  catalog: committedCatalog(),
  databases: undefined,
  database: 0,
  inTransaction: false,
};

function read(line: string, around: Partial<ReadingSurroundings> = {}): RedisReading {
  return classify(splitInline(Buffer.from(line)) ?? [], { ...AROUND, ...around });
}

/** `r` or `w`, `~` for a pattern, the name, and what gives it away. */
function show({ name, access, isPattern, use, fields }: RedisKeyUse): string {
  const how = use === undefined ? '' : ` ${use}${fields === undefined ? '' : ` of ${fields.join(' ')}`}`;
  return `${access === 'Read' ? 'r' : 'w'}${isPattern === true ? '~' : ' '}${name}${how}`;
}

const usesOf = (line: string): readonly string[] => read(line).command.keys.map(show);
const gapsOf = (line: string, around: Partial<ReadingSurroundings> = {}): readonly string[] =>
  read(line, around).command.incomplete.map(({ kind }) => kind);

describe('names and categories', () => {
  test.each([
    ['get a', 'GET', 'read'],
    ['GeT a', 'GET', 'string'],
    ['config get x', 'CONFIG GET', 'admin'],
    ['XGROUP create s g $', 'XGROUP CREATE', 'stream'],
    ['FLUSHALL', 'FLUSHALL', 'dangerous'],
  ])('%s', (line, name, category) => {
    const { command } = read(line);
    expect([command.name, command.categories.includes(category)]).toEqual([name, true]);
  });
});

describe('keys', () => {
  test.each<[string, readonly string[]]>([
    ['GET a', ['r a']],
    ['SET a 1', ['w a']],
    ['SET a 1 XX GET', ['r a', 'w a']],
    ['SET a GET', ['w a']],
    ['GETDEL a', ['r a', 'w a']],
    ['MGET a b c', ['r a', 'r b', 'r c']],
    ['MSET a 1 b 2', ['w a', 'w b']],
    ['DEL a b', ['w a', 'w b']],
    ['HGET h f', ['r h']],
    ['HSTRLEN h f', ['r h Part of f']],
    ['BLPOP a b 0', ['r a', 'w a', 'r b', 'w b']],
    ['LMPOP 2 a b LEFT', ['r a', 'w a', 'r b', 'w b']],
    ['ZUNIONSTORE d 2 a b WEIGHTS 1 2', ['w d Condition', 'r a Condition', 'r b Condition']],
    ['ZRANGESTORE d a 0 -1', ['w d Condition', 'r a Condition']],
    ['RENAME a b', ['r a Copy', 'w a', 'w b']],
    ['LMOVE a b LEFT LEFT', ['r a Copy', 'w a', 'w b']],
    ['COPY a b', ['r a Copy', 'w b']],
    ['GETRANGE a 0 1', ['r a Part']],
    ['APPEND a x', ['w a Part']],
    ['INCR a', ['r a Condition', 'w a']],
    ['SISMEMBER s m', ['r s Condition']],
    ['ZRANGE z 0 -1', ['r z']],
    ['ZRANGE z 0 -1 WITHSCORES', ['r z Condition']],
    ['SSCAN s 0', ['r s']],
    ['SSCAN s 0 MATCH a*', ['r s Part']],
    ['ZSCAN z 0', ['r z Condition']],
    ['ZADD z NX 1 m', ['w z']],
    ['ZADD z GT 1 m', ['w z']],
    ['ZADD z XX GT CH 1 m', ['w z Condition']],
    ['ZADD z INCR 1 m', ['w z Condition']],
    ['ZADD z 1 CH', ['w z']],
    ['GEOADD g 0 0 m', ['w g']],
    ['GEOADD g CH 0 0 m', ['w g Condition']],
    ['ZSCAN z 0 MATCH a*', ['r z Part']],
    ['ZRANGE z [a [b BYLEX', ['r z Part']],
    ['ZRANGEBYLEX z [a [b', ['r z Part']],
    ['ZREVRANGEBYLEX z [b [a', ['r z Part']],
    ['ZLEXCOUNT z [a [b', ['r z Part']],
    ['ZREMRANGEBYLEX z [a [b', ['w z Part']],
    ['ZRANGESTORE d z [a [b BYLEX', ['w d Part', 'r z Part']],
    ['BITOP NOT d a', ['w d Part', 'r a Part']],
    ['SORT a ALPHA', ['r a Part']],
    ['SET a 1 EX 10 NX GET', ['r a', 'w a']],
    ['SET a 1 PX GET', ['r a', 'w a']],
    ['SET a 1 IFEQ 2', ['r a Condition', 'w a']],
    ['SET a 1 IFDEQ 2 GET', ['r a Condition', 'w a']],
    ['XREAD COUNT 1 BLOCK 0 STREAMS a b 0 0', ['r a', 'r b']],
    ['XREADGROUP COUNT 1 GROUP g STREAMS STREAMS k >', ['r k']],
    ['XREADGROUP GROUP STREAMS c NOACK STREAMS a >', ['r a']],
    ['XCLAIM s g c 0 1-1', ['r s', 'w s']],
    ['SORT a', ['r a Condition']],
    [
      'SORT a BY w_* GET d_*->f GET # STORE x STORE y',
      ['r a Condition', 'r~w_* Condition', 'r~d_* Condition', 'w x Condition', 'w y Condition'],
    ],
    ['SORT a BY GET GET STORE', ['r a Condition']],
    ['SORT a BY GET* GET STORE*', ['r a Condition', 'r~GET* Condition', 'r~STORE* Condition']],
    ['SORT a BY nosort GET # GET nostar', ['r a Condition']],
    ['SORT a GET h->x* GET h->*->f', ['r a Condition', 'r~h->x* Condition', 'r~h->* Condition']],
    ['GEORADIUS g 0 0 1 m STORE a STORE b', ['r g Condition', 'w a Condition', 'w b Condition']],
    ['EVAL "return 1" 1 a x', ['r a Part', 'w a', 'r~* Part', 'w~*']],
    ['EVAL_RO "return 1" 1 a x', ['r a Part', 'r~* Part']],
    ['EVALSHA_RO x 0', ['r~* Part']],
    ['SLOWLOG GET 10', ['r~* Part']],
    ['SLOWLOG LEN', []],
    ['FUNCTION STATS', ['r~* Part']],
    ['FUNCTION LIST', []],
    ['DEBUG OBJECT a', ['r~* Part', 'w~*']],
    ['OBJECT ENCODING a', ['r a Part']],
    ['OBJECT REFCOUNT a', ['r a Condition']],
    ['OBJECT FREQ a', ['r a']],
    ['OBJECT HELP', []],
    ['MEMORY USAGE a', ['r a Part']],
    ['FCALL f 0', ['r~* Part', 'w~*']],
    ['FCALL_RO f 0', ['r~* Part']],
    ['FLUSHALL', ['w~*']],
    ['MIGRATE h 6379 "" 0 10 KEYS a b', ['r a Condition', 'w a', 'r b Condition', 'w b']],
    ['PUBLISH news hi', ['w news']],
    ['SUBSCRIBE a b', ['r a', 'r b']],
    ['PSUBSCRIBE a.*', ['r~a.*']],
    ['UNSUBSCRIBE a', []],
    ['SCAN 0', []],
    ['GET', []],
  ])('%s', (line, expected) => {
    expect(usesOf(line)).toEqual(expected);
  });

  test('bytes that are no text are escaped', () => {
    const { command } = classify([Buffer.from('GET'), Uint8Array.of(0xff)], AROUND);
    expect(command.keys).toEqual([{ name: '\\xff', access: 'Read' }]);
    const mixed = classify([Buffer.from('GET'), Buffer.concat([Buffer.from('café:'), Buffer.of(0xff)])], AROUND);
    expect(mixed.command.keys).toEqual([{ name: 'café:\\xff', access: 'Read' }]);
  });
});

describe('what is not understood whole', () => {
  test.each<[string, readonly string[]]>([
    ['GET a', []],
    ['NOPE', ['UnknownCommand']],
    ['GET\\x00 a', ['UnknownCommand']],
    ['"G\\xc9T" a', ['UnknownCommand']],
    ['CONFIG NOPE', ['UnknownCommand', 'Administration']],
    ['CONFIG GET *', ['Administration']],
    ['CLUSTER SLOTS', []],
    ['CLUSTER SLOTS x', ['Administration']],
    ['CLUSTER SHARDS', []],
    ['CLUSTER SHARDS x', ['Administration']],
    ['CLUSTER NODES', []],
    ['CLUSTER NODES x', ['Administration']],
    ['CLUSTER LINKS', ['Administration']],
    ['CLUSTER REPLICAS x', ['Administration']],
    ['COMMAND', []],
    ['COMMAND COUNT', []],
    ['COMMAND NOPE', ['UnknownCommand']],
    ['CLUSTER', ['UnknownCommand', 'Administration']],
    ['CLUSTER KEYSLOT a', []],
    ['ACL WHOAMI', []],
    ['ACL LIST', ['Administration']],
    ['CLIENT KILL ID 1', ['Administration']],
    ['CLIENT SETNAME x', []],
    ['DEBUG SLEEP 1', ['Administration']],
    ['SHUTDOWN', ['Administration']],
    ['REPLICAOF a 1', ['Administration']],
    ['MODULE LOAD x', ['Administration']],
    ['SLOWLOG GET', ['Administration']],
    ['SCRIPT LOAD x', ['Administration']],
    ['MONITOR', ['Unsupported', 'Administration']],
    ['EVAL x 0', ['Script']],
    ['EVALSHA x 0', ['Script']],
    ['FCALL_RO x 0', ['Script']],
    ['EVAL x nope', ['Script', 'KeysUnknown']],
    ['EVAL x 2 a', ['Script', 'KeysUnknown']],
    ['DUMP a', ['Serialized']],
    ['RESTORE a 0 x', ['Serialized']],
    ['SORT a FROB b', ['KeysUnknown']],
    ['XREAD STREAMS a', ['KeysUnknown']],
    ['XREAD FROB STREAMS a 0', ['KeysUnknown']],
    ['ZUNION 9 a', ['KeysUnknown']],
  ])('%s', (line, expected) => {
    expect(gapsOf(line)).toEqual(expected);
  });

  test.each<[string, boolean, readonly string[]]>([
    ['SUBSCRIBE a', true, ['InTransaction']],
    ['SUBSCRIBE a', false, []],
    ['HELLO 3', true, ['InTransaction']],
    ['CLIENT REPLY OFF', true, ['InTransaction']],
    ['GET a', true, []],
  ])('%s, in a transaction: %s', (line, inTransaction, expected) => {
    expect(gapsOf(line, { inTransaction })).toEqual(expected);
  });

  test.each<[string, number, readonly string[]]>([
    ['GET a', 1, []],
    ['GET a', 0, ['DatabaseNotAllowed']],
    ['PING', 0, []],
    ['SELECT 1', 0, []],
    ['SELECT 2', 1, ['DatabaseNotAllowed']],
    ['SELECT 01', 1, ['DatabaseNotAllowed']],
    ['MOVE a 2', 1, ['DatabaseNotAllowed']],
    ['COPY a b DB 2', 1, ['DatabaseNotAllowed']],
    ['COPY a b DB 1 DB 2', 1, ['DatabaseNotAllowed']],
    ['COPY a b DB 1 REPLACE', 1, []],
    ['COPY a b', 1, []],
    ['COPY a b DB 1', 0, ['DatabaseNotAllowed']],
    ['MOVE a 1', 0, ['DatabaseNotAllowed']],
    ['EVAL x 0', 1, ['Script', 'AnyDatabase']],
    ['EVAL x 0', 0, ['Script', 'AnyDatabase', 'DatabaseNotAllowed']],
    ['SWAPDB 1 2', 1, ['DatabaseNotAllowed']],
    ['FLUSHALL', 1, ['DatabaseNotAllowed']],
    ['FLUSHDB', 1, []],
  ])('%s in database %d, when only database 1 is allowed', (line, database, expected) => {
    expect(gapsOf(line, { database, databases: new Set([1]) })).toEqual(expected);
  });
});

describe('the commands that a server tells', () => {
  const t = (text: string): ReplyValue => ({ kind: 'Text', text });
  const list = (...items: readonly ReplyValue[]): ReplyValue => ({ kind: 'List', items });
  const command = (name: string, first: string, last: string, step: string, ...flags: readonly string[]): ReplyValue =>
    list(t(name), t('2'), list(...flags.map(t)), t(first), t(last), t(step), list(t('@read')));
  const catalog = catalogOf(
    list(
      command('get', '1', '1', '1'),
      command('my.thing', '2', '-1', '2'),
      command('config', '0', '0', '0'),
      command('newer', '2', '-1', '2'),
      command('newest', '0', '0', '0'),
      command('bf.add', '1', '1', '1', 'write', 'module'),
      command('vsim', '1', '1', '1', 'readonly', 'module'),
      command('ft.get', '1', '1', '1', 'readonly', 'module'),
      command('ts.mget', '0', '0', '0', 'readonly', 'module'),
      command('odd', '0', '0', '0', 'write', 'module'),
      command('commandlog|get', '0', '0', '0', 'admin'),
      ...['get', 'set', 'del', 'type', 'mget', 'arrlen'].map((name) => command(`json.${name}`, '1', '1', '1')),
    ),
  );

  test.each<[line: string, uses: readonly string[]]>([
    ['newer x a y b z', ['r a Part', 'w a', 'r b Part', 'w b']],
    ['newest', []],
    ['bf.add a x', ['r a Part', 'w a']],
    ['vsim a ELE x', ['r a Part', 'w a']],
    // What else these touch nothing says: an index, a filter, a module that nobody knows.
    ['my.thing x a', ['r a Part', 'w a', 'r~* Part', 'w~*']],
    ['ft.get idx a', ['r idx Part', 'w idx', 'r~* Part']],
    ['ts.mget FILTER a=b', ['r~* Part']],
    ['odd', ['r~* Part', 'w~*']],
    ['commandlog get 10 large-request', ['r~* Part']],
    ['json.get a $.x', ['r a', 'w a']],
    ['json.get a $[?(@.x>1)]', ['r a Part', 'w a']],
    ['json.get a NEWLINE ? $.x', ['r a', 'w a']],
    ['json.set a $.x ?', ['r a', 'w a']],
    ['json.set a $..[?(@.x>1)].y 1', ['r a Part', 'w a']],
    ['json.del a $..[?(@.x>1)]', ['r a Part', 'w a']],
    ['json.type a $..[?(@.x>1)]', ['r a Part', 'w a']],
    ['json.mget a $..[?(@.x>1)]', ['r a Part', 'w a']],
    ['json.arrlen a $.x', ['r a Part', 'w a']],
  ])('%s has the keys that the server says, and every other unless it is known to name all', (line, uses) => {
    const reading = read(line, { catalog: catalog ?? AROUND.catalog });
    expect([reading.command.keys.map(show), reading.command.complete]).toEqual([uses, true]);
  });

  test('one that the server does not have is not known', () => {
    expect(gapsOf('SET a 1', { catalog: catalog ?? AROUND.catalog })).toEqual(['UnknownCommand']);
    expect(gapsOf('GET a', { catalog: catalog ?? AROUND.catalog })).toEqual([]);
  });

  test('a server that lists no subcommands has them all the same', () => {
    expect(read('CONFIG SET a b', { catalog: catalog ?? AROUND.catalog }).command.name).toBe('CONFIG SET');
  });

  test('COMMAND is one by itself where the server takes it so, beside its subcommands', () => {
    const container = (name: string, arity: string, ...subs: readonly ReplyValue[]): ReplyValue =>
      list(t(name), t(arity), list(), t('0'), t('0'), t('0'), list(t('@slow')), list(), list(), list(...subs));
    const whole = catalogOf(
      list(
        container('command', '-1', command('command|count', '0', '0', '0')),
        container('config', '-2', command('config|get', '0', '0', '0')),
      ),
    );
    const around = { catalog: whole ?? AROUND.catalog };
    expect(gapsOf('COMMAND', around)).toEqual([]);
    expect(gapsOf('COMMAND COUNT', around)).toEqual([]);
    expect(gapsOf('COMMAND NOPE', around)).toEqual(['UnknownCommand']);
    expect(gapsOf('CONFIG', around)).toEqual(['UnknownCommand', 'Administration']);
    // Before 7.0 it lists none.
    const old = catalogOf(list(container('command', '0'))) ?? AROUND.catalog;
    expect(gapsOf('COMMAND', { catalog: old })).toEqual([]);
    expect(gapsOf('COMMAND COUNT', { catalog: old })).toEqual([]);
  });

  test('an answer that is no list of commands is none', () => {
    expect(catalogOf(t('OK'))).toBeUndefined();
    expect(catalogOf(list())).toBeUndefined();
    expect(catalogOf(list(t('get')))).toBeUndefined();
  });
});
