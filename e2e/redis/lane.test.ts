import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { createClient } from 'redis';
import { testGiven } from '../support/test-given.ts';
import { untilFound } from '../support/until-found.ts';
import { failed } from './failed.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

const policyOf = (more: string): string => `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
${more}`;
const DENY = policyOf(
  '  rules:\n    - {name: no-incr, match: {redis: {commands: [INCR]}}, action: Deny, reason: No.}\n',
);
const OPEN = policyOf('  rules: []\n');
const LIMIT = policyOf('  limits:\n    - {name: budget, rows: 3, perSeconds: 3600, action: Deny}\n');

async function client(stage: RedisStage) {
  const made = createClient({
    socket: { host: stage.host, port: stage.port, reconnectStrategy: false },
    username: 'agent',
    password: await stage.token(),
  });
  made.on('error', () => undefined);
  await made.connect();
  return made;
}

describe('an open session', () => {
  let stage: RedisStage;
  beforeAll(async () => {
    if (REDIS_SERVER !== undefined)
      stage = await openRedisStage({ policy: OPEN, owner: 'owner', redis: '{databases: [0, 1]}' });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
  }, TIMEOUT_MS);

  real(
    'a value of many megabytes goes both ways, and arrives whole',
    async () => {
      const agent = await client(stage);
      const value = 'abcdefgh'.repeat(3 * 1024 * 1024);
      await agent.set('big', value);
      expect((await agent.get('big')) === value).toBe(true);
      await agent.close();
    },
    TIMEOUT_MS,
  );

  real(
    'client tracking: an invalidation reaches the agent',
    async () => {
      const answers = await stage.converse(
        ['HELLO', '3'],
        ['SET', 'tracked', '1'],
        ['CLIENT', 'TRACKING', 'ON'],
        ['GET', 'tracked'],
        ['SET', 'tracked', '2'],
        ['PING'],
      );
      expect(answers).toContain('>2\r\n$10\r\ninvalidate\r\n*1\r\n$7\r\ntracked\r\n');
    },
    TIMEOUT_MS,
  );

  real(
    'what a subscribed connection may not is answered as the server answers it',
    async () => {
      const commands = [
        ['SUBSCRIBE', 'a', 'b'],
        ['CLIENT', 'REPLY', 'OFF'],
        ['CLIENT', 'REPLY', 'SKIP'],
        ['PING'],
        ['UNSUBSCRIBE', 'a', 'b'],
        ['CLIENT', 'REPLY', 'SKIP'],
        ['PING'],
        ['PING', 'again'],
      ];
      const answers = await stage.converse(...commands);
      expect(answers).toContain("Can't execute 'client|reply'");
      expect(answers).toBe(await stage.redis.command(...commands));
    },
    TIMEOUT_MS,
  );

  real(
    'a database that the Target does not name cannot be reached',
    async () => {
      const answers = await stage.converse(
        ['SELECT', '1'],
        ['SET', 'a', '1'],
        ['SELECT', '2'],
        ['GET', 'a'],
        ['COPY', 'a', 'b', 'DB', '2'],
        ['COPY', 'a', 'b', 'DB', '1', 'DB', '2'],
        ['EVAL', "redis.call('SELECT', '2') return redis.call('SET', KEYS[1], '1')", '1', 'b'],
      );
      const refused = String.raw`-NOPERM [^\r]*DatabaseNotAllowed\)\r\n`;
      const scripts = String.raw`-NOPERM [^\r]*AnyDatabase\)\r\n`;
      expect(answers).toMatch(
        new RegExp(String.raw`^\+OK\r\n\+OK\r\n${refused}\$1\r\n1\r\n${refused}${refused}${scripts}$`),
      );
      expect(await stage.redis.command(['SELECT', '2'], ['EXISTS', 'b'])).toBe('+OK\r\n:0\r\n');
    },
    TIMEOUT_MS,
  );

  real(
    'a change of the policy binds the next command',
    async () => {
      const agent = await client(stage);
      expect(await agent.incr('n')).toBe(1);
      await stage.policy(DENY);
      expect(await failed(agent.incr('n'))).toBe('NOPERM data/guard/no-incr: No.');
      await stage.policy(OPEN);
      expect(await agent.incr('n')).toBe(2);
      await agent.close();
    },
    TIMEOUT_MS,
  );

  real(
    'a change of the policy binds what was sent behind a command that waits',
    async () => {
      const socket = connect(stage.port, stage.host);
      let said = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        said += String(chunk);
      });
      const over = new Promise((resolve) => socket.once('close', resolve));
      const [auth, waits, then] = [
        encode('AUTH', await stage.token()),
        encode('BLPOP', 'later', '0'),
        encode('INCR', 'm'),
      ];
      socket.write(Buffer.concat([auth, waits, then, encode('QUIT')]));
      await untilFound(
        'nobody waits',
        async () => /cmd=blpop/.test(await stage.redis.command(['CLIENT', 'LIST'])) || undefined,
      );
      await stage.policy(DENY);
      await stage.redis.command(['RPUSH', 'later', 'x']);
      await over;
      expect(said).toMatch(/x\r\n-NOPERM data\/guard\/no-incr: No\.\r\n\+OK\r\n$/);
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'a subscription that a changed policy denies ends its connection, and no other',
    async () => {
      const other = await client(stage);
      const heard: string[] = [];
      await other.subscribe('weather', (message) => void heard.push(message));
      const socket = connect(stage.port, stage.host);
      let said = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        said += String(chunk);
      });
      const over = new Promise((resolve) => socket.once('close', resolve));
      socket.write(Buffer.concat([encode('AUTH', await stage.token()), encode('SUBSCRIBE', 'secrets:news')]));
      await untilFound('nothing is subscribed', () => Promise.resolve(said.endsWith(':1\r\n') || undefined));
      await stage.policy(
        policyOf(
          "  rules:\n    - {name: quiet, match: {redis: {keys: [{name: 'secrets:*'}]}}, action: Deny, reason: Be quiet.}\n",
        ),
      );
      await over;
      expect(said).toMatch(/:1\r\n-ERR The connection is ended\. data\/guard\/quiet: Be quiet\. .*\r\n$/);
      expect(await stage.redis.command(['PUBSUB', 'CHANNELS'])).toBe('*1\r\n$7\r\nweather\r\n');
      await stage.redis.command(['PUBLISH', 'weather', 'fine']);
      await untilFound('the other hears nothing', () => Promise.resolve(heard.includes('fine') || undefined));
      await other.close();
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'a limit counts keys over all sessions of the agent',
    async () => {
      await stage.policy(LIMIT);
      await stage.redis.command(['MSET', 'a', '1', 'b', '2', 'c', '3', 'd', '4']);
      const one = await client(stage);
      const two = await client(stage);
      expect(await one.mGet(['a', 'b'])).toEqual(['1', '2']);
      expect(await two.get('c')).toBe('3');
      expect(await failed(one.get('d'))).toMatch(/^NOPERM data\/guard\/budget: .*used up/);
      await one.close();
      await two.close();
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'a limit counts names of keys in a transaction like those outside',
    async () => {
      await stage.policy(LIMIT.replace('budget', 'names'));
      const answers = await stage.converse(['MULTI'], ['KEYS', '*'], ['EXEC']);
      expect(answers).toMatch(/^\+OK\r\n\+QUEUED\r\n-NOPERM data\/guard\/names: .*used up/);
      await stage.policy(OPEN);
    },
    TIMEOUT_MS,
  );

  real(
    'a session that is killed is over, also one that blocks',
    async () => {
      const agent = await client(stage);
      const blocked = failed(agent.blPop('never', 0));
      await stage.cli('kill', '--subject', 'support-bot');
      expect(await blocked).not.toBe('nothing failed');
    },
    TIMEOUT_MS,
  );
});

describe('TLS on both sides', () => {
  real(
    'the agent may use TLS, and the target is verified',
    async () => {
      await using stage = await openRedisStage({ tls: true });
      const token = await stage.token();
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connectTls({ host: stage.host, port: stage.port, rejectUnauthorized: false });
        let said = '';
        socket.setEncoding('latin1').on('data', (chunk) => {
          said += String(chunk);
        });
        socket.once('error', reject);
        socket.once('close', () => resolve(said));
        socket.write(
          Buffer.concat([encode('AUTH', token), encode('SET', 'a', '1'), encode('GET', 'a'), encode('QUIT')]),
        );
      });
      expect(text).toBe('+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n');
    },
    TIMEOUT_MS,
  );
});

describe('who it is', () => {
  real(
    'a bad token is refused, and nothing is asked in Workload mode',
    async () => {
      await using workload = await openRedisStage({ identity: 'Workload' });
      expect(await workload.converse(['SET', 'a', '1'], ['GET', 'a'])).toBe('+OK\r\n$1\r\n1\r\n');
      const [session] = await workload.ended(1);
      expect(session).toMatchObject({ protocol: 'Redis', verified: { subject: 'support-bot' } });
    },
    TIMEOUT_MS,
  );

  real(
    'an account that may not ask for commands is served by the table of Redis 7.0',
    async () => {
      await using stage = await openRedisStage({ rules: '~* &* +@all -command' });
      expect(await stage.converse(['SET', 'a', '1'], ['GET', 'a'], ['NOPE'])).toMatch(
        /^\+OK\r\n\$1\r\n1\r\n-NOPERM .*UnknownCommand/,
      );
      const bad = createClient({
        socket: { host: stage.host, port: stage.port, reconnectStrategy: false },
        username: 'agent',
        password: 'no token',
      });
      bad.on('error', () => undefined);
      expect(await failed(bad.connect())).toMatch(/WRONGPASS|closed/i);
    },
    TIMEOUT_MS,
  );
});
