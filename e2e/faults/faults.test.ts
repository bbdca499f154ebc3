import { expect, test } from '@jest/globals';
import { testGiven } from '../support/test-given.ts';
import { DISK_FULL } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { randomFrom } from './fault.ts';
import {
  GATE_KILLED,
  REDIS_KILLED,
  REDIS_RESTARTED,
  SERVER_RESTARTED,
  SSH_KILLED,
  SSH_RESTARTED,
  STORE_KILLED,
  STORE_STOPPED,
} from './killed.ts';
import { POSTGRES_LANE, rowsOf } from './lanes/postgres.ts';
import { REDIS_LANE } from './lanes/redis.ts';
import { ReplyCutter } from './lanes/reply-cutter.ts';
import { SSH_LANE } from './lanes/ssh.ts';
import { bytesOf, holdsAll, receivedOf } from './received.ts';
import { canMount } from './small-disk.ts';

const TIMEOUT_MS = 600_000;

async function holdsUp(fault: Fault): Promise<void> {
  const result = await fault.run({ kills: 3, random: randomFrom(7), progress: () => undefined });
  expect(result).toMatchObject({
    ok: true,
    complaints: [],
    figures: { forwardedUnrecorded: 0, receivedUnrecorded: 0, unmarked: 0, verified: true },
  });
  expect(Number(result.figures['ran'])).toBeGreaterThan(0);
  expect(Number(result.figures['bytesReceived'])).toBeGreaterThan(0);
}

for (const { lane, faults } of [
  { lane: POSTGRES_LANE, faults: [GATE_KILLED, STORE_KILLED, STORE_STOPPED, SERVER_RESTARTED] },
  { lane: REDIS_LANE, faults: [REDIS_KILLED, REDIS_RESTARTED] },
  { lane: SSH_LANE, faults: [SSH_KILLED, SSH_RESTARTED] },
]) {
  const real = testGiven(lane.needs === undefined, `${lane.needs} is not installed`);
  for (const fault of faults) real(`${fault.name}: ${fault.promise}`, () => holdsUp(fault), TIMEOUT_MS);
}

testGiven(await canMount(), 'a disk that is full needs the right to mount')(
  `${DISK_FULL.name}: ${DISK_FULL.promise}`,
  () => holdsUp(DISK_FULL),
  TIMEOUT_MS,
);

const row = (value: number): Buffer => Buffer.from([0x44, 0, 0, 0, 5, value]);
const DONE = Buffer.from([0x43, 0, 0, 0, 5, 0]);

test.each<[string, Buffer[], Buffer[], boolean]>([
  ['all of it', [row(1), row(2), DONE], [row(1), row(2), DONE], true],
  ['less than was recorded', [row(1), row(2), DONE], [row(1), row(2).subarray(0, 3)], true],
  ['more than was recorded', [row(1)], [row(1), row(2)], false],
  ['something else', [row(1), row(3)], [row(1), row(2)], false],
  ['nothing', [], [], true],
])('an agent that received %s', (_, recorded, received, held) => {
  expect(holdsAll([rowsOf(recorded)], receivedOf('', [rowsOf(received)]))).toBe(held);
});

test('each stream of an answer is compared by itself', () => {
  const received = receivedOf('', [Buffer.from('out'), Buffer.from('err')]);
  expect(bytesOf(received)).toBe(6);
  expect(holdsAll([Buffer.from('output'), Buffer.from('error')], received)).toBe(true);
  expect(holdsAll([Buffer.from('outerr')], received)).toBe(false);
  expect(holdsAll([Buffer.from('out'), Buffer.from('er')], received)).toBe(false);
});

test('replies of Redis are cut where they end, however they come', () => {
  const replies = ['+OK\r\n', '*2\r\n$-1\r\n*2\r\n:1\r\n$3\r\na\r\n\r\n', '*0\r\n', '-ERR no\r\n', '*-1\r\n'];
  const bytes = Buffer.from(`${replies.join('')}$5\r\nab`);
  for (const size of [1, 2, 7, bytes.length]) {
    const cutter = new ReplyCutter();
    for (let at = 0; at < bytes.length; at += size) cutter.push(bytes.subarray(at, at + size));
    expect(cutter.whole).toBe(replies.length);
    expect(cutter.take().map(String)).toEqual([...replies, '$5\r\nab']);
  }
});
