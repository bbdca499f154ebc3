import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { forgetPeak, peakMib, rssMib } from '../bench/process-figures.ts';
import { until } from './account.ts';
import { type Fault, type FaultOptions, type FaultResult, leftOut } from './fault.ts';
import type { Lane } from './lane.ts';
import { POSTGRES_LANE } from './lanes/postgres.ts';
import { REDIS_LANE } from './lanes/redis.ts';
import { SSH_LANE } from './lanes/ssh.ts';
import { readAnswer } from './record-ledger.ts';

const MIB = 1024 * 1024;
/** A run of this size streams a whole GiB; a smaller one, as in the tests, a part of it. */
const WHOLE_RUN_KILLS = 50;
/** What a whole answer in memory would go far beyond; the budget of the benchmark is stricter. */
export const GROWTH_MIB_MAX = 250;
const LOOK_MS = 500;
/** The gate stands still when it read next to nothing between so many looks one after another. */
const STILL_LOOKS = 6;
const STILL_BYTES_MAX = 256 * 1024;

const stalledReader = (name: string, lane: Lane): Fault => ({
  name,
  promise: 'a reader that stops holds the server up, not memory; all that it then reads is recorded',
  run: (options) => run(name, lane, options),
});

async function run(name: string, lane: Lane, { kills, progress }: FaultOptions): Promise<FaultResult> {
  if (lane.needs !== undefined) return leftOut(name, lane.needs);
  const mebibytes = kills >= WHOLE_RUN_KILLS ? 1024 : 64;
  await using stage = await lane.open();
  const { gate } = stage.processIds();
  const idleMib = rssMib(gate);
  forgetPeak(gate);
  const answer = await stage.stall(mebibytes);
  let still = 0;
  let before = 0;
  await until('the gate does not wait for the stalled reader', async () => {
    const read = bytesRead(gate);
    still = read - before < STILL_BYTES_MAX ? still + 1 : 0;
    before = read;
    return still >= STILL_LOOKS ? true : sleep(LOOK_MS).then(() => undefined);
  });
  const stalledMib = peakMib(gate);
  progress(`${name}: the gate waits; peak ${Math.round(stalledMib)} MiB`);
  const hash = createHash('sha256');
  let bytes = 0;
  await answer.read((piece) => {
    hash.update(piece);
    bytes += piece.length;
  });
  const peak = peakMib(gate);
  answer.close();
  const sessionId = await until('the session does not end', async () => {
    const [session] = await stage.cli('sessions');
    return Number(session?.['closedUs']) > 0 ? String(session?.['sessionId']) : undefined;
  });
  const recorded = await readAnswer(stage.state, sessionId, answer);
  const received = hash.digest('hex');
  const isWhole = bytes >= mebibytes * MIB;
  const isSame = recorded.sha256 === received;
  const isBounded = peak - idleMib <= GROWTH_MIB_MAX;
  return {
    name,
    done: `${mebibytes} MiB to a reader that stopped until the gate waited`,
    figures: {
      bytesReceived: bytes,
      bytesRecorded: recorded.bytes,
      sameSha256: isSame,
      idleMib: Math.round(idleMib),
      peakMibWhileStalled: Math.round(stalledMib),
      peakMib: Math.round(peak),
    },
    ok: isWhole && isSame && isBounded,
    complaints: [
      ...(isWhole ? [] : [`only ${bytes} bytes came`]),
      ...(isSame ? [] : [`received ${received}, recorded ${recorded.sha256}`]),
      ...(isBounded ? [] : [`the gate grew from ${idleMib} to ${peak} MiB`]),
    ],
  };
}

/** All that a process has read so far, sockets and files alike. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

export const STALLED_READER = stalledReader('stalled-reader', POSTGRES_LANE);
export const REDIS_STALLED_READER = stalledReader('redis-stalled-reader', REDIS_LANE);
export const SSH_STALLED_READER = stalledReader('ssh-stalled-reader', SSH_LANE);
