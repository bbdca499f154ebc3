import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { splitInline } from '../../sidecar/src/protocols/redis/inline.ts';
import { testGiven } from '../support/test-given.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = 300_000;

interface Case {
  readonly id: string;
  readonly class: string;
  readonly lines?: readonly string[];
  readonly raw?: string;
  readonly policy?: 'json';
  readonly expect: 'Refuse' | 'Mask' | 'Hold' | 'Allow';
}

const CORPUS = join(import.meta.dirname, '../../sidecar/src/protocols/redis/redis.bypass.yaml');
const cases: readonly Case[] = parse(readFileSync(CORPUS, 'utf8'));
const isEvasion = ({ expect: expected }: Case): boolean => expected !== 'Allow';

/** What the masked values hold, in clear. */
const CLEAR = ['token-of-a-session', '078-05-1120', '4111111111111111', '4111 1111 1111 1111', 'ada@example.com'];

const RULES = `
  rules:
    - {name: no-flush, match: {redis: {commands: [FLUSHALL, FLUSHDB, SWAPDB]}}, action: Deny, reason: Keys stay.}
    - {name: no-secrets, match: {redis: {keys: [{name: 'secrets:*'}]}}, action: Deny, reason: They are secret.}
    - {name: config-stays, match: {redis: {keys: [{name: 'config:*', access: Write}]}}, action: Deny, reason: Configuration is read only.}
    - name: no-removal
      match: {redis: {commands: [DEL, UNLINK], keys: [{name: 'customer:*'}]}}
      action: RequireApproval
      reason: Customers stay.
      approval: {approvers: {groups: [dba]}, timeoutSeconds: 1}`;
const policyOf = (masks: string): string => `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:${RULES}
  masks:${masks}
`;
const POLICY = policyOf(`
    - {name: whole, keys: ['session:*', 'vault:*'], with: {type: Redact}}
    - {name: ssn, keys: ['customer:*->ssn'], with: {type: Partial, keepLast: 4}}
    - {name: cards, detect: [CreditCard], with: {type: Redact}}`);
const JSON_POLICY = policyOf(`
    - {name: mails, fields: [$.email, '$..mail'], with: {type: Redact}}`);

const SETUP: readonly (readonly string[])[] = [
  ['SET', 'greeting', 'hello'],
  ...[1, 2, 3, 4, 5, 6].map((n) => ['SET', `session:${n}`, 'token-of-a-session']),
  ['SET', 'session:n', '1'],
  ['SET', 'sessions', 'three'],
  ['SET', 'secrets:1', 'a secret'],
  ['SET', 'config:a', 'x'],
  ['SET', 'config:n', '1'],
  ['SET', 'card', '4111111111111111'],
  ['SET', 'note:4111111111111111', 'x'],
  ['HSET', 'customer:1', 'name', 'Ada', 'ssn', '078-05-1120', 'visits', '1'],
  ['RPUSH', 'queue', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  ['RPUSH', 'ids', '1'],
  ['SADD', 'tags', 'a', 'b'],
  ['RPUSH', 'vault:list', '078-05-1120', 'token-of-a-session'],
  ['RPUSH', 'vault:pop', '078-05-1120', '078-05-1120'],
  ['RPUSH', 'vault:pop2', '078-05-1120', '078-05-1120'],
  ['SADD', 'vault:set', '078-05-1120'],
  ['ZADD', 'vault:zset', '78051120', '078-05-1120'],
  ['ZADD', 'ranks', '1', 'a'],
  ['GEOADD', 'places', '0', '0', 'null island'],
  ['XADD', 'log', '1-1', 'what', 'ever'],
  ['XADD', 'customer:log', '1-1', 'who', 'Ada', 'ssn', '078-05-1120'],
  ['XGROUP', 'CREATE', 'customer:log', 'g', '0'],
  ['SET', 'doc:1', '{"email":"ada@example.com","n":1}'],
  ['SET', 'doc:2', '{"name":"Ada","n":1}'],
  ['SET', 'doc:3', '{"email":"ada@example.com",'],
  ['HSET', 'docs', 'a', '{"deep":[{"mail":"ada@example.com"}]}'],
];

let stage: RedisStage;
const monitored: string[] = [];
let monitor: ReturnType<typeof connect> | undefined;

beforeAll(async () => {
  if (REDIS_SERVER === undefined) return;
  stage = await openRedisStage({ policy: POLICY, setup: SETUP });
  const { port, password } = stage.redis;
  monitor = connect({ port, host: '127.0.0.1' });
  monitor.setEncoding('latin1').on('data', (text) => void monitored.push(String(text)));
  monitor.write(Buffer.concat([encode('AUTH', 'gate', password), encode('MONITOR')]));
}, TIMEOUT_MS);
afterAll(async () => {
  monitor?.destroy();
  await stage?.stop();
}, TIMEOUT_MS);

/** The last answer, and all of them. */
async function run({ lines = [], raw }: Case): Promise<string> {
  const commands =
    raw === undefined
      ? lines.map((line) => encode(...(splitInline(Buffer.from(line)) ?? [])))
      : [Buffer.from(raw, 'latin1')];
  const bytes = Buffer.concat([encode('AUTH', await stage.token()), ...commands, encode('QUIT')]);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: stage.host, port: stage.port });
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk);
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text.replace(/^\+OK\r\n/, '').replace(/\+OK\r\n$/, '')));
    socket.write(bytes);
  });
}

/** Its last line is the last answer's, and an error has one line. */
const lastLine = (text: string): string => text.trimEnd().split('\r\n').at(-1) ?? '';

test('the corpus has what it must', () => {
  expect(cases.filter(isEvasion).length).toBeGreaterThanOrEqual(60);
  expect(cases.filter((one) => !isEvasion(one)).length).toBeGreaterThanOrEqual(30);
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

describe.each(['', 'json'] as const)('the bypass corpus against a real server, policy "%s"', (policy) => {
  if (policy === 'json') {
    real('the other policy holds', () => stage.policy(JSON_POLICY), TIMEOUT_MS);
  }
  real.each(cases.filter((one) => (one.policy ?? '') === policy))(
    '$id',
    async (one) => {
      const text = await run(one);
      const last = lastLine(text);
      switch (one.expect) {
        case 'Refuse':
        case 'Hold':
          expect(last).toMatch(/^-(NOPERM|EXECABORT|ERR Protocol error)/);
          break;
        case 'Mask':
          expect(text).toMatch(/\[masked\]|\*{4,}1120/);
          break;
        default:
          expect(last).not.toMatch(/^-/);
          expect(text).not.toMatch(/\[masked\]|\*{4,}/);
      }
      expect(CLEAR.filter((value) => text.includes(value) && !written(one).includes(value))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

/** What the agent itself wrote may stand in its answer. */
function written({ lines = [], raw = '' }: Case): string {
  return [...lines, raw].join('\n');
}

describe('after all of it', () => {
  real(
    'nothing that was refused or held has reached the server',
    async () => {
      const mark = 'the-end-of-the-corpus';
      await stage.redis.command(['ECHO', mark]);
      for (let tries = 0; tries < 600 && !monitored.join('').includes(mark); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const ran = monitored.join('').toUpperCase();
      for (const word of [
        'FLUSHALL',
        'FLUSHDB',
        'SWAPDB',
        'SHUTDOWN',
        'REPLICAOF',
        'SLAVEOF',
        'EVAL',
        'SECRETS:',
        'MIGRATE',
        'RESTORE',
        'FCALL',
      ]) {
        expect([word, ran.includes(`"${word}`)]).toEqual([word, false]);
      }
    },
    TIMEOUT_MS,
  );

  real(
    'no masked value stands in clear in the record or the replay',
    async () => {
      const order = [
        ...cases.filter((one) => one.policy === undefined),
        ...cases.filter((one) => one.policy === 'json'),
      ];
      const sessions = (await stage.ended(cases.length)).toSorted(
        (a, b) => Number(a['openedUs']) - Number(b['openedUs']),
      );
      expect(sessions).toHaveLength(order.length);
      const found: string[] = [];
      for (const [index, { sessionId }] of sessions.entries()) {
        // Reading takes its time, so not every one of them is read.
        if (
          !['mask', 'multi', 'json'].includes(order[index]?.class ?? '') ||
          order[index]?.expect !== 'Mask' ||
          index % 3 !== 0
        )
          continue;
        for (const object of await stage.cli('replay', String(sessionId))) {
          const text = textOf(object);
          if (CLEAR.some((value) => text.includes(value))) found.push(text);
        }
      }
      // What the agent wrote itself, as a member or to be compared with, is its own.
      const own = cases.map(written).join('\n');
      expect(found.filter((text) => !CLEAR.some((value) => text.includes(value) && own.includes(value)))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

/** Every string in a value, as it is and, where it is base64, as what it stands for. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n${Buffer.from(value, 'base64').toString('latin1')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('');
}
