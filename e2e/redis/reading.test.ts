import { afterAll, beforeAll, expect } from '@jest/globals';
import { waiting } from '../run/owner.ts';
import { runCli } from '../sidegate-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = 300_000;
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-flush, match: {redis: {commands: [FLUSHALL]}}, action: Deny, reason: Keys stay.}
    - name: ask
      match: {redis: {commands: [DEL], keys: [{name: 'customer:*'}]}}
      action: RequireApproval
      reason: Customers stay.
      approval: {approvers: {subjects: [owner]}, timeoutSeconds: 600}
    - name: ask-once
      match: {redis: {commands: [DEL], keys: [{name: 'order:*'}]}}
      action: RequireApproval
      reason: Orders stay.
      approval: {approvers: {subjects: [owner]}, timeoutSeconds: 600, grant: {scope: Session}}
  masks:
    - {name: ssn, keys: ['customer:*->ssn'], with: {type: Partial, keepLast: 4}}
`;

let stage: RedisStage;
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

beforeAll(async () => {
  if (REDIS_SERVER === undefined) return;
  const setup = [['HSET', 'customer:1', 'name', 'Ada', 'ssn', '078-05-1120']];
  stage = await openRedisStage({ policy: POLICY, setup, owner: 'owner' });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

real(
  'a session is shown, searched and played like redis-cli',
  async () => {
    await stage.converse(
      ['HGETALL', 'customer:1'],
      ['SET', 'a b', 'x"y'],
      ['FLUSHALL'],
      ['HSET', 'customer:2', 'ssn', '219-09-9999'],
    );
    const [session] = await stage.ended(1);
    const id = String(session?.['sessionId']);
    const { stdout } = await runCli(['replay', id, '--instant', '--state', stage.state]);
    const lines = stdout.split('\n').filter((line) => !line.startsWith('-- ') && line !== '');
    expect(lines).toEqual([
      'HGETALL customer:1',
      'SET "a b" "x\\"y"',
      'FLUSHALL',
      'HSET customer:2 ssn *******9999',
      '1) "name"',
      '2) "Ada"',
      '3) "ssn"',
      '4) "*******1120"',
      'OK',
      '(error) NOPERM data/guard/no-flush: Keys stay.',
      '(integer) 1',
    ]);
    const found = await stage.cli('search', 'FLUSHALL');
    expect(JSON.stringify(found)).toContain(id);
  },
  TIMEOUT_MS,
);

real(
  'a command waits for an approval, and the agent hears nothing until then',
  async () => {
    const answer = stage.converse(['GET', 'nothing'], ['DEL', 'customer:1'], ['EXISTS', 'customer:1']);
    const held = await waiting(stage);
    expect(held).toMatchObject({ text: 'DEL customer:1', rule: 'data/guard/ask' });
    expect(await stage.redis.command(['EXISTS', 'customer:1'])).toBe(':1\r\n');
    await stage.cli('approve', held.id);
    expect(await answer).toBe('$-1\r\n:1\r\n:0\r\n');
  },
  TIMEOUT_MS,
);

real(
  'what is approved for a session is so in the database that it was asked in, and in no other',
  async () => {
    const del = ['DEL', 'order:1'];
    const answer = stage.converse(del, del, ['SELECT', '1'], del);
    const first = await waiting(stage);
    expect(first).toMatchObject({ text: 'DEL order:1', reason: 'Orders stay.' });
    await stage.cli('approve', first.id);
    const second = await waiting(stage);
    expect(second).toMatchObject({ text: 'DEL order:1\n-- with database 1', reason: 'Orders stay.' });
    await stage.cli('refuse', second.id, '--reason', 'another database');
    expect(await answer).toMatch(/^:0\r\n:0\r\n\+OK\r\n-NOPERM data\/guard\/ask-once: /);
  },
  TIMEOUT_MS,
);

real(
  'a wrong password of the Target is told at the start',
  async () => {
    await using wrong = await openRedisStage({ secretPassword: 'wrong' });
    const event = await wrong.run.jsonLine(
      ({ kind }) => kind === 'Warning' || JSON.stringify(kind) === '"Unreachable"',
    );
    expect(JSON.stringify(event)).toContain('TargetUnusable');
  },
  TIMEOUT_MS,
);

real(
  'explain says which rule answers a command',
  async () => {
    using folder = temporaryFolder('explain');
    const explained = await runCli(['explain', '-f', stage.folder, 'DEL customer:1', '--json'], { cwd: folder.path });
    expect(explained.stdout).toContain('"ask"');
    const masked = await runCli(['explain', '-f', stage.folder, 'HGETALL customer:1', '--live']);
    expect(masked.stdout).toContain('customer:1: Partial by data/guard/ssn');
    const refused = await runCli(['explain', '-f', stage.folder, 'EVAL "return 1" 0']);
    expect(refused.stdout).toContain('(Script)');
  },
  TIMEOUT_MS,
);
