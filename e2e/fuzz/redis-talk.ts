import { ok } from '@sidegate/crds';
import * as fc from 'fast-check';
import { exhibitOptions } from '../../sidecar/src/protocols/exhibit.ts';
import { Playback } from '../../sidecar/src/protocols/playback.ts';
import type { JudgedCommand, Refusal, SessionOptions } from '../../sidecar/src/protocols/protocol.ts';
import { committedCatalog } from '../../sidecar/src/protocols/redis/command-catalog.ts';
import { openRedis } from '../../sidecar/src/protocols/redis/protocol.ts';
import { EXHIBIT_MASKS } from '../../sidecar/src/protocols/redis/testing/exhibit.ts';
import { NO_MASKS } from '../../sidecar/src/protocols/redis/testing/talk.ts';
import { Conversation } from './conversation.ts';
import { NODES } from './redis-cluster.ts';
import { RedisModel } from './redis-model.ts';
import { command, latin1 } from './redis-wire.ts';

const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no', reason: 'It is denied.', hint: '' };
const LIMITS = { frameBytesMax: 1 << 16, pendingCommandsMax: 16, preparedMax: 1 };
const CATALOG = ok(committedCatalog());

/** Redis's side of it. */
export class RedisTalk extends Conversation<RedisModel> {
  constructor(isGuarded: boolean, cut: readonly number[], cutServer: readonly number[]) {
    super(openGate(isGuarded), new RedisModel(), { cut, cutServer });
  }
}

function openGate(isGuarded: boolean): Playback {
  const { protocol, shared } = openRedis();
  const { target, ...others } = exhibitOptions('cache.example', 6379)(LIMITS);
  const options = { ...others, target: { ...target, redirect: isGuarded ? guardedDoor : sameDoor }, shared };
  return new Playback(protocol.openSession(options), {
    credential: { username: 'gate', password: 'hunter2' },
    subject: 'agent',
    masks: isGuarded ? EXHIBIT_MASKS : NO_MASKS,
    catalog: CATALOG,
    settle: (judged) => (isGuarded ? settleGuarded(judged) : 'Forward'),
  });
}

type Redirect = NonNullable<SessionOptions['target']['redirect']>;

/** A door to the first node of a cluster and none to the others. */
const guardedDoor: Redirect = (host) => (host === NODES[0] ? { host: '127.64.0.9', port: 7000 } : undefined);
/** As if every node were its own door: then an answer that is written anew is what it was. */
const sameDoor: Redirect = (host, port) => ({ host, port });

/** As policy decides: what is denied by name or key, what is not understood whole, and what gets past a mask. */
function settleGuarded({ command: judged }: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  if (judged.protocol !== 'Redis' || !judged.complete || judged.name === 'FLUSHALL') return REFUSAL;
  const leaks = judged.keys.some(
    ({ name, use, isPattern }) => use !== undefined && EXHIBIT_MASKS.keys?.any(name, isPattern === true) !== undefined,
  );
  if (leaks || judged.keys.some(({ name }) => name.startsWith('forbidden'))) return REFUSAL;
  return judged.name === 'DEL' ? 'Hold' : 'Forward';
}

const keys = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'list', 'card', 'hash') },
  { weight: 3, arbitrary: fc.constantFrom('session:1', 'session:list', 'session:set', 'customer:1', 'secrets') },
  { weight: 1, arbitrary: fc.constant('forbidden') },
);
const values = fc.constantFrom('', '1', 'x', 'two words', '\r\n', 'name', 'ssn', '$-1\r\n', 'é');
const counts = fc.constantFrom('0', '1', '-1', '2', 'x');
const word = (...names: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...names, ...names.map((name) => name.toLowerCase()));
const of = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<readonly string[]> => fc.tuple(...parts);

/** One command of an agent. */
const parts: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 6, arbitrary: of(word('GET', 'DEL', 'EXISTS', 'TYPE', 'INCR', 'HGETALL', 'HVALS', 'HKEYS', 'LPOP'), keys) },
  { weight: 3, arbitrary: of(word('SMEMBERS', 'STRLEN', 'WATCH', 'MGET'), keys) },
  { weight: 4, arbitrary: of(word('SET', 'RPUSH', 'SADD', 'SISMEMBER', 'PUBLISH', 'HGET', 'HMGET'), keys, values) },
  { weight: 3, arbitrary: of(word('RENAME', 'MGET'), keys, keys) },
  { weight: 2, arbitrary: of(word('LRANGE', 'GETRANGE'), keys, counts, counts) },
  { weight: 2, arbitrary: of(word('HSET'), keys, values, values) },
  { weight: 1, arbitrary: of(word('BLPOP'), keys, fc.constant('1')) },
  { weight: 1, arbitrary: of(word('LMOVE'), keys, keys, word('LEFT', 'RIGHT'), word('LEFT', 'RIGHT')) },
  { weight: 8, arbitrary: of(word('MULTI', 'EXEC', 'EXEC', 'DISCARD', 'PING', 'UNWATCH')) },
  { weight: 2, arbitrary: of(word('ECHO'), values) },
  { weight: 2, arbitrary: of(word('SELECT'), counts) },
  { weight: 2, arbitrary: of(word('SUBSCRIBE', 'UNSUBSCRIBE'), keys) },
  { weight: 2, arbitrary: of(word('HELLO'), fc.constantFrom('2', '3', '4')) },
  { weight: 1, arbitrary: of(word('CLIENT'), word('REPLY'), word('ON', 'OFF', 'SKIP')) },
  { weight: 2, arbitrary: of(word('CLUSTER'), word('SLOTS', 'SHARDS', 'NODES')) },
  { weight: 1, arbitrary: of(word('RESET', 'FLUSHALL', 'NOSUCH', 'GET', 'QUIT')) },
  { weight: 1, arbitrary: of(word('EVAL'), fc.constant('return 1'), fc.constant('0')) },
);

const frames = fc.oneof(
  { weight: 9, arbitrary: parts.map((texts) => command(...texts)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('PING\r\n', 'GET a\r\n', '\r\n', 'flushall\n', 'get forbidden\n').map(latin1),
  },
);

/** Commands of an agent, in the chunks in which they are sent. */
export const redisChunks: fc.Arbitrary<readonly Uint8Array[]> = fc.array(
  fc.array(frames, { minLength: 1, maxLength: 6 }).map((each) => Buffer.concat(each)),
  { minLength: 1, maxLength: 5 },
);
