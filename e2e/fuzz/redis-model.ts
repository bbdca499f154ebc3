import { clusterReply } from './redis-cluster.ts';
import { RedisKeys } from './redis-keys.ts';
import { bulk, bulks, encodeReply, failure, integer, list, NULL, OK, type Reply, simple } from './redis-reply.ts';
import { readCommands } from './redis-wire.ts';

/** Values that no agent writes, and that masks hide. */
export const SECRET = 'token-of-a-session';
export const CARD = '4111111111111111';

const SUBSCRIBED_MAY = new Set(['SUBSCRIBE', 'UNSUBSCRIBE', 'PSUBSCRIBE', 'PUNSUBSCRIBE', 'PING', 'QUIT', 'RESET']);
const AT_ONCE = new Set(['MULTI', 'EXEC', 'DISCARD', 'WATCH', 'RESET', 'QUIT']);

/** As many arguments as a command takes, its name counted; a negative number: at least. */
const ARITY: ReadonlyMap<string, number> = new Map(
  `PING -1, ECHO 2, SET 3, GET 2, MGET -2, MSET -3, DEL -2, EXISTS -2, INCR 2, STRLEN 2, GETRANGE 4,
  RENAME 3, TYPE 2, HSET -4, HGET 3, HMGET -3, HGETALL 2, HVALS 2, HKEYS 2, RPUSH -3, LPOP 2, LRANGE 4,
  SADD -3, SMEMBERS 2, SISMEMBER 3, LMOVE 5, MULTI 1, EXEC 1, DISCARD 1, WATCH -2, UNWATCH 1, SELECT 2,
  SUBSCRIBE -2, UNSUBSCRIBE -1, PSUBSCRIBE -2, PUNSUBSCRIBE -1, PUBLISH 3, HELLO -1, AUTH -2, RESET 1,
  QUIT 1, FLUSHALL -1, CLIENT|REPLY 3, CLIENT|SETNAME 3, CLIENT|GETNAME 2, CLUSTER|SLOTS 2, CLUSTER|SHARDS 2, CLUSTER|NODES 2, BLPOP -3, EVAL -3`
    .split(',')
    .map((entry) => entry.trim().split(' '))
    .map(([name = '', arity]) => [name, Number(arity)]),
);

/** The keys that the model starts with. */
export const FIRST_KEYS: readonly (readonly string[])[] = [
  ['SET', 'session:1', SECRET],
  ['HSET', 'customer:1', 'name', 'Ada', 'ssn', SECRET],
  ['RPUSH', 'session:list', SECRET, SECRET],
  ['SADD', 'session:set', SECRET],
  ['SET', 'card', `paid with ${CARD}`],

  ['SET', 'a', '1'],
  ['RPUSH', 'list', 'x', 'y'],
];

/** A connection to a model of Redis 7.0: strings, lists, hashes, sets, transactions, channels, CLIENT REPLY, both versions of the protocol. */
export class RedisModel {
  /** Names of commands that ran, in their order. */
  readonly ran: string[] = [];
  closed = false;
  #unread = '';
  #out = '';
  #version: 2 | 3 = 2;
  readonly #keys = new RedisKeys();
  #queue: string[][] | undefined;
  #isSpoilt = false;
  readonly #channels = new Set<string>();
  readonly #patterns = new Set<string>();
  #replies: 'On' | 'Off' | 'SkipNext' | 'Skip' = 'On';
  #name = '';

  constructor() {
    for (const parts of FIRST_KEYS) this.#answer(parts);
    this.#out = '';
    this.ran.length = 0;
    this.#keys.touched.clear();
  }

  /** Keys and channels that any command touched. */
  get touched(): ReadonlySet<string> {
    return this.#keys.touched;
  }

  /** The answers to whatever is whole now. */
  receive(bytes: Uint8Array): Uint8Array {
    if (this.closed) return new Uint8Array();
    const { commands, rest, isBroken } = readCommands(this.#unread + Buffer.from(bytes).toString('latin1'));
    this.#unread = rest;
    for (const parts of commands) if (!this.closed) this.#answer(parts);
    if (isBroken && !this.closed) {
      this.#out += '-ERR Protocol error\r\n';
      this.closed = true;
    }
    const out = this.#out;
    this.#out = '';
    return Buffer.from(out, 'latin1');
  }

  #answer(parts: readonly string[]): void {
    const reply = this.#take(parts);
    // A SKIP holds for the one command behind it.
    const isMuted = this.#replies === 'Off' || this.#replies === 'Skip';
    if (this.#replies === 'SkipNext') this.#replies = 'Skip';
    else if (this.#replies === 'Skip') this.#replies = 'On';
    if (reply !== undefined && !isMuted) this.#say(reply);
  }

  #say(reply: Reply): void {
    this.#out += encodeReply(reply, this.#version);
  }

  #take(parts: readonly string[]): Reply | undefined {
    const name = nameOf(parts);
    const arity = ARITY.get(name);
    const isSubscribed = this.#channels.size + this.#patterns.size > 0;
    if (arity === undefined) return this.#refused(failure(`ERR unknown command '${parts[0]?.slice(0, 128) ?? ''}'`));
    if (arity < 0 ? parts.length < -arity : parts.length !== arity) {
      return this.#refused(failure(`ERR wrong number of arguments for '${name.toLowerCase()}' command`));
    }
    if (isSubscribed && this.#version === 2 && !SUBSCRIBED_MAY.has(name)) {
      const others = '(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET';
      const reason = `only ${others} are allowed in this context`;
      return this.#refused(failure(`ERR Can't execute '${name.toLowerCase()}': ${reason}`));
    }
    if (this.#queue !== undefined && !AT_ONCE.has(name)) {
      this.#queue.push([...parts]);
      return simple('QUEUED');
    }
    return this.#run(name, parts);
  }

  /** What cannot be put off spoils the transaction. */
  #refused(reply: Reply): Reply {
    if (this.#queue !== undefined) this.#isSpoilt = true;
    return reply;
  }

  #run(name: string, parts: readonly string[]): Reply | undefined {
    this.ran.push(name);
    const [, first = '', second = ''] = parts;
    switch (name) {
      case 'PING':
        return this.#ping(parts);
      case 'ECHO':
        return bulk(first);
      case 'AUTH':
        return OK;
      case 'HELLO':
        return this.#hello(parts);
      case 'RESET':
        return this.#reset();
      case 'QUIT':
        this.closed = true;
        return OK;
      case 'SELECT':
        return this.#select(first);
      case 'CLIENT|REPLY':
        return this.#replyMode(second.toUpperCase());
      case 'CLIENT|SETNAME':
        this.#name = second;
        return OK;
      case 'CLIENT|GETNAME':
        return this.#name === '' ? NULL : bulk(this.#name);
      case 'CLUSTER|SLOTS':
      case 'CLUSTER|SHARDS':
      case 'CLUSTER|NODES':
        return clusterReply(name);
      case 'MULTI':
        return this.#multi();
      case 'EXEC':
        return this.#exec();
      case 'DISCARD':
        return this.#discard();
      case 'WATCH':
        return this.#watch(parts.slice(1));
      case 'UNWATCH':
        this.#keys.unwatch();
        return OK;
      case 'SUBSCRIBE':
      case 'PSUBSCRIBE':
        return this.#subscribe(name, parts.slice(1));
      case 'UNSUBSCRIBE':
      case 'PUNSUBSCRIBE':
        return this.#unsubscribe(name, parts.slice(1));
      case 'PUBLISH':
        return this.#publish(first, second);
      default:
        return this.#keys.run(name, parts);
    }
  }

  #ping([, text]: readonly string[]): Reply {
    const isSubscribed = this.#channels.size + this.#patterns.size > 0;
    if (isSubscribed && this.#version === 2) return bulks(['pong', text ?? '']);
    return text === undefined ? simple('PONG') : bulk(text);
  }

  #hello([, version, ...options]: readonly string[]): Reply {
    if (version !== undefined && version !== '2' && version !== '3') {
      return failure('NOPROTO unsupported protocol version');
    }
    for (let at = 0; at < options.length; at += 1) {
      const option = options[at]?.toUpperCase();
      if (option === 'AUTH' && at + 2 < options.length) at += 2;
      else if (option === 'SETNAME' && at + 1 < options.length) this.#name = options[(at += 1)] ?? '';
      else return failure(`ERR Syntax error in HELLO option '${options[at] ?? ''}'`);
    }
    if (version !== undefined) this.#version = version === '3' ? 3 : 2;
    const named = { server: bulk('redis'), version: bulk('7.0.15'), proto: integer(this.#version), modules: list([]) };
    return { kind: 'Map', items: Object.entries(named).flatMap(([key, value]) => [bulk(key), value]) };
  }

  #reset(): Reply {
    this.#endTransaction();
    this.#channels.clear();
    this.#patterns.clear();
    this.#version = 2;
    this.#keys.database = 0;
    // A SKIP before it still holds.
    if (this.#replies === 'Off') this.#replies = 'On';
    this.#name = '';
    return simple('RESET');
  }

  #select(number: string): Reply {
    if (!/^\d{1,9}$/.test(number)) return failure('ERR value is not an integer or out of range');
    if (Number(number) > 15) return failure('ERR DB index is out of range');
    this.#keys.database = Number(number);
    return OK;
  }

  #replyMode(mode: string): Reply | undefined {
    if (mode === 'ON') {
      this.#replies = 'On';
      return OK;
    }
    if (mode === 'OFF') this.#replies = 'Off';
    else if (mode === 'SKIP') {
      if (this.#replies !== 'Off') this.#replies = 'SkipNext';
    } else return failure('ERR syntax error');
    return undefined;
  }

  #multi(): Reply {
    if (this.#queue !== undefined) return failure('ERR MULTI calls can not be nested');
    this.#queue = [];
    return OK;
  }

  #exec(): Reply {
    const queue = this.#queue;
    if (queue === undefined) return failure('ERR EXEC without MULTI');
    const [isSpoilt, isStale] = [this.#isSpoilt, this.#keys.isStale];
    this.#endTransaction();
    if (isSpoilt) return failure('EXECABORT Transaction discarded because of previous errors.');
    if (isStale) return { kind: 'NullArray' };
    return list(queue.map((parts) => this.#run(nameOf(parts), parts) ?? NULL));
  }

  #discard(): Reply {
    if (this.#queue === undefined) return failure('ERR DISCARD without MULTI');
    this.#endTransaction();
    return OK;
  }

  #endTransaction(): void {
    this.#queue = undefined;
    this.#isSpoilt = false;
    this.#keys.unwatch();
  }

  #watch(keys: readonly string[]): Reply {
    if (this.#queue !== undefined) return failure('ERR WATCH inside MULTI is not allowed');
    this.#keys.watch(keys);
    return OK;
  }

  /** Confirmations are pushes: they come whatever CLIENT REPLY says. */
  #subscribe(name: string, channels: readonly string[]): undefined {
    const names = name === 'SUBSCRIBE' ? this.#channels : this.#patterns;
    for (const channel of channels) {
      this.#keys.touched.add(channel);
      names.add(channel);
      this.#confirm(name, channel);
    }
  }

  #unsubscribe(name: string, channels: readonly string[]): undefined {
    const names = name === 'UNSUBSCRIBE' ? this.#channels : this.#patterns;
    const gone = channels.length === 0 ? [...names] : channels;
    for (const channel of gone) {
      names.delete(channel);
      this.#confirm(name, channel);
    }
    if (gone.length === 0) this.#confirm(name, undefined);
  }

  #confirm(name: string, channel: string | undefined): void {
    const count = integer(this.#channels.size + this.#patterns.size);
    this.#say({ kind: 'Push', items: [bulk(name.toLowerCase()), bulk(channel), count] });
  }

  #publish(channel: string, message: string): Reply {
    this.#keys.touched.add(channel);
    let heard = 0;
    if (this.#channels.has(channel)) {
      heard += 1;
      this.#say({ kind: 'Push', items: ['message', channel, message].map(bulk) });
    }
    for (const pattern of this.#patterns) {
      if (pattern !== channel && !(pattern.endsWith('*') && channel.startsWith(pattern.slice(0, -1)))) continue;
      heard += 1;
      this.#say({ kind: 'Push', items: ['pmessage', pattern, channel, message].map(bulk) });
    }
    return integer(heard);
  }
}

function nameOf([first = '', second]: readonly string[]): string {
  const name = first.toUpperCase();
  const isContainer = name === 'CLIENT' || name === 'CLUSTER';
  return isContainer && second !== undefined ? `${name}|${second.toUpperCase()}` : name;
}
