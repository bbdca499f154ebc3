import { expect, test } from '@jest/globals';
import { testGiven } from '../support/test-given.ts';
import { DISK_FULL } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { randomFrom } from './fault.ts';
import { GATE_KILLED, SERVER_RESTARTED, STORE_KILLED, STORE_STOPPED } from './killed.ts';
import { holdsAll, rowsDigest } from './rows-digest.ts';
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
  expect(Number(result.figures['rowsReceived'])).toBeGreaterThan(0);
}

test.each([GATE_KILLED, STORE_KILLED, STORE_STOPPED, SERVER_RESTARTED])('$name: $promise', holdsUp, TIMEOUT_MS);

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
  expect(holdsAll(rowsDigest(recorded), rowsDigest(received))).toBe(held);
});
