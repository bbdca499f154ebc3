import { bulk, bulks, failure, integer, NULL, OK, type Reply, simple } from './redis-reply.ts';

type Value = string | readonly string[] | ReadonlyMap<string, string> | ReadonlySet<string>;

const WRONG_TYPE = failure('WRONGTYPE Operation against a key holding the wrong kind of value');
const NOT_INTEGER = failure('ERR value is not an integer or out of range');

/** The keys of a model of Redis, in all its databases, and the commands on them. */
export class RedisKeys {
  database = 0;
  /** Every key that a command touched. */
  readonly touched = new Set<string>();
  /** A watched key was written. */
  isStale = false;
  readonly #keys = new Map<string, Value>();
  readonly #watched = new Set<string>();

  watch(keys: readonly string[]): void {
    for (const key of keys) {
      this.touched.add(key);
      this.#watched.add(this.#at(key));
    }
  }

  unwatch(): void {
    this.#watched.clear();
    this.isStale = false;
  }

  #at(key: string): string {
    return `${this.database}\0${key}`;
  }

  #read(key: string): Value | undefined {
    this.touched.add(key);
    return this.#keys.get(this.#at(key));
  }

  #write(key: string, value: Value | undefined): void {
    this.touched.add(key);
    const at = this.#at(key);
    if (this.#watched.has(at)) this.isStale = true;
    if (value === undefined) this.#keys.delete(at);
    else this.#keys.set(at, value);
  }

  /** What a command answers; `parts` begin with its name. */
  run(name: string, parts: readonly string[]): Reply {
    const [, key = '', second = '', third = ''] = parts;
    switch (name) {
      case 'SET':
        this.#write(key, second);
        return OK;
      case 'MSET':
        if (parts.length % 2 === 0) return failure("ERR wrong number of arguments for 'mset' command");
        for (let at = 1; at + 1 < parts.length; at += 2) this.#write(parts[at] ?? '', parts[at + 1] ?? '');
        return OK;
      case 'MGET':
        return bulks(parts.slice(1).map((one) => textIn(this.#read(one))));
      case 'DEL':
        return integer(parts.slice(1).filter((one) => this.#delete(one)).length);
      case 'EXISTS':
        return integer(parts.slice(1).filter((one) => this.#read(one) !== undefined).length);
      case 'TYPE':
        return simple(typeOf(this.#read(key)));
      case 'RENAME':
        return this.#rename(key, second);
      case 'FLUSHALL':
        for (const at of this.#keys.keys()) {
          this.#keys.delete(at);
          if (this.#watched.has(at)) this.isStale = true;
        }
        return OK;
      case 'EVAL':
        return NULL;
      case 'BLPOP':
        return this.#popFirst(parts.slice(1, -1));
      case 'LMOVE':
        return this.#move(key, second, [third, parts[4] ?? '']);
      default:
        return onValue(name, parts, this.#read(key), (value) => this.#write(key, value));
    }
  }

  #delete(key: string): boolean {
    const isThere = this.#read(key) !== undefined;
    if (isThere) this.#write(key, undefined);
    return isThere;
  }

  #rename(from: string, to: string): Reply {
    const value = this.#read(from);
    if (value === undefined) return failure('ERR no such key');
    this.#write(from, undefined);
    this.#write(to, value);
    return OK;
  }

  #popFirst(keys: readonly string[]): Reply {
    for (const key of keys) {
      const value = this.#read(key);
      if (value === undefined) continue;
      if (!Array.isArray(value)) return WRONG_TYPE;
      const [head, ...others] = value;
      this.#write(key, others.length === 0 ? undefined : others);
      return bulks([key, head]);
    }
    return { kind: 'NullArray' };
  }

  #move(from: string, to: string, [source, place]: readonly [string, string]): Reply {
    const sides = ['LEFT', 'RIGHT'];
    if (!sides.includes(source.toUpperCase()) || !sides.includes(place.toUpperCase()))
      return failure('ERR syntax error');
    const value = this.#read(from);
    if (value === undefined) return NULL;
    if (!Array.isArray(value)) return WRONG_TYPE;
    const into = from === to ? value : (this.#read(to) ?? []);
    if (!Array.isArray(into)) return WRONG_TYPE;
    const left = [...value];
    const moved = source.toUpperCase() === 'LEFT' ? left.shift() : left.pop();
    this.#write(from, left.length === 0 ? undefined : left);
    const kept = from === to ? left : [...into];
    if (moved !== undefined && place.toUpperCase() === 'LEFT') kept.unshift(moved);
    else if (moved !== undefined) kept.push(moved);
    this.#write(to, kept);
    return bulk(moved);
  }
}

function typeOf(value: Value | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return 'list';
  return value instanceof Map ? 'hash' : 'set';
}

const textIn = (value: Value | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

function onValue(
  name: string,
  parts: readonly string[],
  value: Value | undefined,
  write: (value: Value | undefined) => void,
): Reply {
  const kinds: Readonly<Record<string, string>> = { H: 'hash', L: 'list', R: 'list', S: 'set' };
  const isOfStrings = ['GET', 'INCR', 'STRLEN', 'GETRANGE'].includes(name);
  const kind = isOfStrings ? 'string' : kinds[name[0] ?? ''];
  if (value !== undefined && typeOf(value) !== kind) return WRONG_TYPE;
  if (isOfStrings) return onString(name, parts, textIn(value), write);
  if (kind === 'hash') return onHash(name, parts, value instanceof Map ? value : new Map(), write);
  if (kind === 'set') return onSet(name, parts, value instanceof Set ? value : new Set(), write);
  return onList(name, parts, Array.isArray(value) ? value : [], write);
}

function onString(
  name: string,
  [, , start = '', end = '']: readonly string[],
  text: string | undefined,
  write: (value: Value | undefined) => void,
): Reply {
  if (name === 'GET') return bulk(text);
  if (name === 'STRLEN') return integer(text?.length ?? 0);
  if (name === 'GETRANGE') {
    if (!isInteger(start) || !isInteger(end)) return NOT_INTEGER;
    return bulk(slice((text ?? '').split(''), Number(start), Number(end)).join(''));
  }
  if (text !== undefined && !isInteger(text)) return NOT_INTEGER;
  const next = Number(text ?? 0) + 1;
  write(String(next));
  return integer(next);
}

function onHash(
  name: string,
  parts: readonly string[],
  hash: ReadonlyMap<string, string>,
  write: (value: Value | undefined) => void,
): Reply {
  const fields = parts.slice(2);
  switch (name) {
    case 'HGET':
      return bulk(hash.get(fields[0] ?? ''));
    case 'HMGET':
      return bulks(fields.map((field) => hash.get(field)));
    case 'HGETALL':
      return { kind: 'Map', items: [...hash].flat().map(bulk) };
    case 'HVALS':
      return bulks([...hash.values()]);
    case 'HKEYS':
      return bulks([...hash.keys()]);
    default: {
      if (fields.length % 2 !== 0) return failure("ERR wrong number of arguments for 'hset' command");
      const next = new Map(hash);
      for (let at = 0; at < fields.length; at += 2) next.set(fields[at] ?? '', fields[at + 1] ?? '');
      write(next);
      return integer(next.size - hash.size);
    }
  }
}

function onSet(
  name: string,
  parts: readonly string[],
  set: ReadonlySet<string>,
  write: (value: Value | undefined) => void,
): Reply {
  if (name === 'SMEMBERS') return { kind: 'Set', items: [...set].map(bulk) };
  if (name === 'SISMEMBER') return integer(set.has(parts[2] ?? '') ? 1 : 0);
  const next = new Set([...set, ...parts.slice(2)]);
  if (next.size > set.size) write(next);
  return integer(next.size - set.size);
}

function onList(
  name: string,
  [, , ...rest]: readonly string[],
  items: readonly string[],
  write: (value: Value | undefined) => void,
): Reply {
  if (name === 'RPUSH') {
    write([...items, ...rest]);
    return integer(items.length + rest.length);
  }
  if (name === 'LRANGE') {
    const [start = '', end = ''] = rest;
    if (!isInteger(start) || !isInteger(end)) return NOT_INTEGER;
    return bulks(slice(items, Number(start), Number(end)));
  }
  if (items.length > 0) write(items.length > 1 ? items.slice(1) : undefined);
  return bulk(items[0]);
}

const isInteger = (text: string): boolean => /^(0|-?[1-9]\d{0,14})$/.test(text);

/** From one place to another, that one included; negative places count from the end. */
function slice<T>(items: readonly T[], start: number, end: number): readonly T[] {
  const from = start < 0 ? Math.max(0, items.length + start) : start;
  const to = end < 0 ? items.length + end : end;
  return to < from ? [] : items.slice(from, to + 1);
}
