import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { redisExhibit } from '../../sidecar/src/protocols/redis/testing/exhibit.ts';
import { writeTranscript } from '../../sidecar/src/protocols/transcript.ts';
import { startRedis } from '../redis/redis-server.ts';
import { findProgram } from '../support/programs.ts';
import { openRecordedGate } from './recorded-gate.ts';

/** Makes the recordings of Redis anew with real clients and a real server: `node e2e/recordings/record-redis.ts`. Read the difference before you keep it. */
const SETUP: readonly (readonly string[])[] = [
  ['HSET', 'customer:1', 'name', 'Ada', 'ssn', '078-05-1120'],
  ['HSET', 'customer:2', 'name', 'Grace', 'ssn', '219-09-9999', 'card', '4111111111111111'],
  ['SET', 'session:1', 'token-of-a-session'],
  ['SET', 'greeting', 'hello'],
  ['XADD', 'customer:log', '1-1', 'who', 'Ada', 'ssn', '078-05-1120'],
  ['RPUSH', 'queue', 'one', 'two'],
];

/** Swallows the refusals and errors that a conversation is about. */
const expected = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);

const CONVERSATIONS: Readonly<
  Record<string, { readonly story: string; readonly talk: (port: number) => Promise<void> }>
> = {
  'node-redis': {
    story: 'node-redis in RESP3: masked values in every shape, a refusal and an error in a pipeline, a transaction.',
    async talk(port) {
      const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
      client.on('error', () => undefined);
      await client.connect();
      await client.hGetAll('customer:1');
      await client.mGet(['session:1', 'greeting', 'nothing']);
      await Promise.all([
        client.get('greeting'),
        expected(client.flushAll()),
        expected(client.lPop('greeting')),
        client.get('session:1'),
      ]);
      await client.xRead({ key: 'customer:log', id: '0' });
      await client.hScan('customer:2', '0');
      await client.multi().set('greeting', 'again').hGet('customer:2', 'ssn').hGetAll('customer:2').exec();
      await client.del('greeting');
      await client.close();
    },
  },
  ioredis: {
    story: 'ioredis in RESP2: masked values, a transaction of which one command is refused, publish and subscribe.',
    async talk(port) {
      const client = new Redis({
        host: '127.0.0.1',
        port,
        protocol: 2,
        enableReadyCheck: false,
        lazyConnect: true,
        autoResubscribe: false,
      });
      client.on('error', () => undefined);
      await client.connect();
      await client.hgetall('customer:2');
      await client.hmget('customer:1', 'name', 'ssn');
      await client.xrange('customer:log', '-', '+');
      await expected(client.multi().set('greeting', 'never').flushall().get('session:1').exec());
      await client.multi().get('session:1').lrange('queue', 0, -1).exec();
      await client.blpop('queue', 1);
      const heard = new Promise<void>((resolve) => client.once('message', () => resolve()));
      await client.subscribe('secrets', 'news');
      await client.ping();
      const other = spawn(String(findProgram('redis-cli')), [...ADMIN, 'PUBLISH', 'secrets', 'token-of-a-session']);
      const published = new Promise<void>((resolve) => void other.once('exit', () => resolve()));
      await heard;
      await published;
      await client.unsubscribe();
      await client.get('greeting');
      await client.quit();
    },
  },
  inline: {
    story: 'A person with netcat: inline commands, quotes and escapes, an empty line, a refusal, a scan.',
    async talk(port) {
      const lines = [
        'GET session:1',
        '',
        'hgetall customer:1',
        'FLUSHALL',
        'SET "a b" "x\\x00y"',
        "GET 'a b'",
        'SCAN 0 COUNT 100',
        'MONITOR',
        'QUIT',
      ];
      const socket = connect(port, '127.0.0.1');
      socket.resume();
      socket.write(`${lines.join('\r\n')}\n`);
      await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    },
  },
};

const ADMIN: string[] = [];
for (const [name, { story, talk }] of Object.entries(CONVERSATIONS)) {
  await using server = await startRedis();
  await server.command(...SETUP);
  ADMIN.splice(
    0,
    ADMIN.length,
    '-p',
    String(server.port),
    '--user',
    'gate',
    '--pass',
    server.password,
    '--no-auth-warning',
  );
  await using gate = await openRecordedGate(server, server.password, 'Redis', redisExhibit);
  await talk(gate.port);
  const text = writeTranscript(`${story}\nServer: Redis 7.0.`, await gate.conversation());
  writeFileSync(new URL(`${name}.txt`, redisExhibit.recordings), text);
  process.stdout.write(`ok  ${name}\n`);
}
