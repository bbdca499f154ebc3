import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');
const OPEN = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules: []
`;

let stage: RedisStage;

beforeAll(async () => {
  if (REDIS_SERVER !== undefined) stage = await openRedisStage({ policy: OPEN, owner: 'owner' });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

/** What a session waits in, and how the server shows that it does. */
const WAITING = [
  { what: 'waits in BLPOP', words: ['BLPOP', 'never', '0'], shown: /flags=b.*cmd=blpop/ },
  { what: 'is subscribed', words: ['SUBSCRIBE', 'channel'], shown: / sub=1 .*cmd=subscribe/ },
  { what: 'waits in XREAD', words: ['XREAD', 'BLOCK', '0', 'STREAMS', 'never', '$'], shown: /flags=b.*cmd=xread/ },
] as const;

const isShown = async (shown: RegExp): Promise<boolean> =>
  (await stage.redis.command(['CLIENT', 'LIST'])).split('\n').some((line) => shown.test(line));

const isReleased = (shown: RegExp): Promise<true> =>
  untilFound('the server does not let go', async () => !(await isShown(shown)) || undefined);

/** An agent that is in the middle of it; `over` says what it was told, once its connection is closed. */
async function startWaiting({ words, shown }: (typeof WAITING)[number]): Promise<{ readonly over: Promise<string> }> {
  const socket = connect(stage.port, stage.host);
  let told = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    told += String(chunk);
  });
  socket.on('error', () => undefined);
  const over = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(told));
  });
  socket.write(Buffer.concat([encode('AUTH', await stage.token()), encode(...words)]));
  await untilFound(`the server does not show ${words[0]}`, async () => (await isShown(shown)) || undefined);
  return { over };
}

/** Codes and reasons of the sessions that have ended, newest first, once there are more than `before`. */
async function endsAfter(before: number): Promise<readonly unknown[]> {
  const sessions = await stage.ended(before + 1);
  return sessions.slice(0, sessions.length - before).map(({ closeCode, closeReason }) => [closeCode, closeReason]);
}

real.each(WAITING)(
  'a killed session that $what is over at the agent and at the server, and the record says why',
  async (waiting) => {
    const before = (await stage.cli('sessions')).length;
    const { over } = await startWaiting(waiting);
    await stage.cli('kill', '--subject', 'support-bot', '--reason', 'it waits too long');
    expect(await over).toMatch(/-ERR The connection is ended\..*it waits too long/);
    await isReleased(waiting.shown);
    expect(await endsAfter(before)).toEqual([['Killed', expect.stringContaining('it waits too long')]]);
  },
  TIMEOUT_MS,
);

real(
  'suspend: true ends sessions whatever they wait in, and opens none until it is taken back',
  async () => {
    const access = readFileSync(join(stage.folder, 'access.yaml'), 'utf8');
    const before = (await stage.cli('sessions')).length;
    const started = [];
    for (const waiting of WAITING) started.push(await startWaiting(waiting));
    await stage.write('access.yaml', `${access.trimEnd()}\n  suspend: true\n`);
    for (const { over } of started) expect(await over).toMatch(/-ERR The connection is ended\..*suspended/);
    for (const { shown } of WAITING) await isReleased(shown);
    expect(await stage.converse(['PING'])).toMatch(/^-NOPERM/);
    await stage.write('access.yaml', access);
    expect(await stage.converse(['PING'])).toBe('+PONG\r\n');
    await stage.ended(before + WAITING.length);
  },
  TIMEOUT_MS,
);

/** A client that is in use, waits for an answer, or has subscribed when its session is ended. */
interface Killed extends Disposable {
  get(key: string): Promise<string | null>;
  blpop(key: string): Promise<unknown>;
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>;
  /** Resolves when it has seen that its connection is over. */
  readonly lost: Promise<unknown>;
}

async function openNodeRedis(version: 2 | 3): Promise<Killed> {
  const socket = { host: stage.host, port: stage.port };
  const client = createClient({ socket, username: 'agent', password: await stage.token(), RESP: version });
  client.on('error', () => undefined);
  await client.connect();
  return {
    get: (key) => client.get(key),
    blpop: (key) => client.blPop(key, 0),
    subscribe: (channel, heard) => client.subscribe(channel, heard),
    lost: new Promise((resolve) => client.once('reconnecting', resolve)),
    [Symbol.dispose]: () => client.destroy(),
  };
}

async function openIoredis(protocol: 2 | 3): Promise<Killed> {
  const { host, port } = stage;
  const client = new Redis({ host, port, username: 'agent', password: await stage.token(), protocol });
  client.on('error', () => undefined);
  await once(client, 'ready');
  return {
    get: (key) => client.get(key),
    blpop: (key) => client.blpop(key, 0),
    subscribe: (channel, heard) => {
      client.on('message', (_channel, message) => heard(message));
      return client.subscribe(channel);
    },
    lost: new Promise((resolve) => client.once('close', resolve)),
    [Symbol.dispose]: () => client.disconnect(),
  };
}

const CLIENTS = [
  ['node-redis in RESP2', () => openNodeRedis(2)],
  ['node-redis in RESP3', () => openNodeRedis(3)],
  ['ioredis in RESP2', () => openIoredis(2)],
  ['ioredis in RESP3', () => openIoredis(3)],
] as const;
const kill = (): Promise<unknown> => stage.cli('kill', '--subject', 'support-bot', '--reason', 'it waits too long');

real.each(CLIENTS)(
  '%s goes on in a new session when that which it had is killed, whatever it was at',
  async (_, open) => {
    await stage.redis.command(['SET', 'kept', 'value']);
    using idle = await open();
    expect(await idle.get('kept')).toBe('value');
    await kill();
    await idle.lost;
    expect(await idle.get('kept')).toBe('value');

    using waiting = await open();
    const failure = waiting.blpop('never').catch(String);
    await untilFound('BLPOP does not wait', async () => (await isShown(WAITING[0].shown)) || undefined);
    await kill();
    expect(await failure).toContain('it waits too long');
    await waiting.lost;
    expect(await waiting.get('kept')).toBe('value');

    using subscribed = await open();
    const heard: string[] = [];
    await subscribed.subscribe('channel', (message) => void heard.push(message));
    await kill();
    await subscribed.lost;
    await untilFound('nobody subscribes again', async () => {
      await stage.redis.command(['PUBLISH', 'channel', 'news']);
      return heard.length > 0 || undefined;
    });
    expect(new Set(heard)).toEqual(new Set(['news']));
  },
  TIMEOUT_MS,
);
