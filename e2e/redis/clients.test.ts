import { afterAll, beforeAll, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { failed } from './failed.ts';
import { GO, LANGUAGE_TIMEOUT_MS, PYTHON, runWell, seenInGo, seenInPython } from './language-clients.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = LANGUAGE_TIMEOUT_MS;
const cli = findProgram('redis-cli') ?? '';
const benchmark = findProgram('redis-benchmark') ?? '';

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-flush, match: {redis: {commands: [FLUSHALL]}}, action: Deny, reason: Keys stay.}
  masks:
    - {name: whole, keys: ['session:*'], with: {type: Redact}}
    - {name: ssn, keys: ['customer:*->ssn'], with: {type: Partial, keepLast: 4}}
    - {name: cards, detect: [CreditCard], with: {type: Redact}}
`;
/** What every client must have seen: the same masks, the same refusal. */
const SEEN = {
  hash: { name: 'Ada', ssn: '*******1120' },
  many: ['hello', '[masked]', null],
  refused: 'NOPERM data/guard/no-flush: Keys stay.',
  exec: ['hello', '[masked]'],
  heard: '[masked]',
  after: 'hello',
};

let stage: RedisStage;
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

beforeAll(async () => {
  if (REDIS_SERVER === undefined) return;
  const setup = [
    ['SET', 'greeting', 'hello'],
    ['SET', 'session:1', 'token-of-a-session'],
    ['HSET', 'customer:1', 'name', 'Ada', 'ssn', '078-05-1120'],
  ];
  stage = await openRedisStage({ policy: POLICY, setup });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

real.each([2, 3] as const)(
  'node-redis in RESP%d',
  async (version) => {
    const options = {
      socket: { host: stage.host, port: stage.port },
      username: 'agent',
      password: await stage.token(),
      RESP: version,
    } as const;
    const client = createClient(options);
    client.on('error', () => undefined);
    await client.connect();
    const hash = { ...(await client.hGetAll('customer:1')) };
    const many = await client.mGet(['greeting', 'session:1', 'nothing']);
    const refused = await failed(client.flushAll());
    const exec = await client.multi().get('greeting').get('session:1').exec();
    const listener = createClient(options);
    listener.on('error', () => undefined);
    await listener.connect();
    const { promise: heard, resolve } = Promise.withResolvers<string>();
    await listener.subscribe('session:news', (message) => resolve(message));
    await client.publish('session:news', 'token-of-a-session');
    const seen = { hash, many, refused, exec, heard: await heard, after: await client.get('greeting') };
    // A whole pipeline in one write, each answer in its own place.
    const counted = await Promise.all(
      Array.from({ length: 200 }, (_, at) => (at === 100 ? failed(client.flushAll()) : client.set(`n:${at}`, at))),
    );
    await listener.close();
    await client.close();
    expect(seen).toEqual(SEEN);
    expect(counted.filter((one) => one === 'OK')).toHaveLength(199);
    expect(counted[100]).toBe(SEEN.refused);
  },
  TIMEOUT_MS,
);

real.each([2, 3] as const)(
  'ioredis in RESP%d',
  async (protocol) => {
    const options = {
      host: stage.host,
      port: stage.port,
      username: 'agent',
      password: await stage.token(),
      protocol,
    } as const;
    const client = new Redis(options);
    client.on('error', () => undefined);
    const hash = await client.hgetall('customer:1');
    const many = await client.mget('greeting', 'session:1', 'nothing');
    const refused = await failed(client.flushall());
    const exec = (await client.multi().get('greeting').get('session:1').exec())?.map(([, value]) => value);
    const listener = new Redis(options);
    listener.on('error', () => undefined);
    const { promise: heard, resolve } = Promise.withResolvers<string>();
    listener.once('message', (_channel, message) => resolve(message));
    await listener.subscribe('session:news');
    await client.publish('session:news', 'token-of-a-session');
    const seen = { hash, many, refused, exec, heard: await heard, after: await client.get('greeting') };
    await listener.quit();
    await client.quit();
    expect(seen).toEqual(SEEN);
  },
  TIMEOUT_MS,
);

async function environment(): Promise<Readonly<Record<string, string>>> {
  return { REDIS_ADDRESS: `${stage.host}:${stage.port}`, REDIS_TOKEN: await stage.token() };
}

testGiven(REDIS_SERVER !== undefined && PYTHON !== undefined, 'no Python with pip, or no redis-server, is installed')(
  'redis-py in RESP2 and RESP3',
  async () => {
    const seen = await seenInPython('redis_client.py', await environment());
    expect(seen).toEqual({ 2: SEEN, 3: SEEN });
  },
  TIMEOUT_MS,
);

testGiven(REDIS_SERVER !== undefined && GO !== undefined, 'no Go 1.26, or no redis-server, is installed')(
  'go-redis',
  async () => {
    expect(await seenInGo(await environment())).toEqual(SEEN);
  },
  TIMEOUT_MS,
);

const withCli = testGiven(REDIS_SERVER !== undefined && cli !== '', 'redis-cli or redis-server is not installed');

async function redisCli(parameters: readonly string[], input?: string): Promise<string> {
  const where = ['-h', stage.host, '-p', String(stage.port), '--user', 'agent'];
  const env = { REDISCLI_AUTH: await stage.token() };
  return runWell(cli, [...where, ...parameters], { env, ...(input === undefined ? {} : { input }) });
}

withCli(
  'redis-cli: single commands, --scan, MONITOR refused',
  async () => {
    expect(await redisCli(['GET', 'greeting'])).toBe('hello\n');
    expect(await redisCli(['-3', 'HGETALL', 'customer:1'])).toBe('name Ada\nssn *******1120\n');
    expect((await redisCli(['--scan', '--pattern', 'customer:*'])).trim()).toBe('customer:1');
    expect((await redisCli(['--scan'])).split('\n')).toEqual(expect.arrayContaining(['greeting', 'session:1']));
    expect(await redisCli(['MONITOR'])).toContain('NOPERM');
    expect(await redisCli(['CLUSTER', 'SLOTS'])).toContain('ERR This instance has cluster support disabled');
    expect(await redisCli(['COMMAND'])).toContain('hgetall');
    expect(await redisCli(['--raw', 'PING'])).toBe('PONG\n');
    expect(await redisCli(['-n', '3', 'GET', 'greeting'])).toBe('\n');
  },
  TIMEOUT_MS,
);

withCli(
  'redis-cli --pipe sends a thousand commands',
  async () => {
    const commands = Buffer.concat(
      Array.from({ length: 1_000 }, (_, at) => encode('SET', `piped:${at}`, `value ${at}`)),
    );
    const said = await redisCli(['--pipe'], commands.toString('latin1'));
    expect(said).toContain('errors: 0, replies: 1000');
    expect(await stage.redis.command(['GET', 'piped:999'])).toBe('$9\r\nvalue 999\r\n');
  },
  TIMEOUT_MS,
);

testGiven(REDIS_SERVER !== undefined && benchmark !== '', 'redis-benchmark or redis-server is not installed')(
  'redis-benchmark with fifty clients, pipelined',
  async () => {
    const where = ['-h', stage.host, '-p', String(stage.port), '--user', 'agent', '-a', await stage.token()];
    const said = await runWell(benchmark, [
      ...where,
      '-q',
      '-c',
      '50',
      '-n',
      '5000',
      '-P',
      '16',
      '-t',
      'set,get,lpush,mset',
    ]);
    for (const name of ['SET', 'GET', 'LPUSH', 'MSET'])
      expect(said).toMatch(new RegExp(`${name}.*requests per second`));
    expect(said).not.toMatch(/ERR|NOPERM/);
  },
  TIMEOUT_MS,
);
