import { existsSync, writeFileSync } from 'node:fs';
import type { Stage } from '../stage.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from './account.ts';
import { type Fault, type FaultResult, leftOut } from './fault.ts';
import { laneStageOf, openPostgresLoad } from './lanes/postgres.ts';
import { Load } from './load.ts';
import { resultOf } from './result.ts';

/** Debian's package faketime: reads the clock's offset from a file at each look. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const AGENTS = 4;
/** In seconds; below what is left of a token, so that no session ends of it. */
const STEP_SECONDS = 1_800;
const STATEMENTS = 40;
const NAME = 'clock-stepped';

/** Whether the clock of a program can be stepped here. */
const canStepClock = (): boolean => existsSync(LIBRARY);

export const CLOCK_STEPPED: Fault = {
  name: NAME,
  promise: 'a clock that is set, forward or back, ends no session and loses no record',
  run: async ({ kills, progress }): Promise<FaultResult> => {
    if (!canStepClock()) return leftOut(NAME, 'the package faketime');
    using clock = temporaryFolder('clock');
    const file = clock.file('offset');
    const step = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    step(0);
    await using stage = await openPostgresLoad({
      environment: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      },
    });
    const lane = laneStageOf(stage);
    const load = new Load(lane, AGENTS);
    const steps = Math.max(3, Math.round(kills / 10));
    let offset = 0;
    try {
      await load.more(STATEMENTS);
      for (let count = 1; count <= steps; count += 1) {
        offset = [STEP_SECONDS, 0, -STEP_SECONDS, 0][(count - 1) % 4] ?? 0;
        step(offset);
        await load.more(STATEMENTS);
        await until('the gate does not follow its clock', () => opensAt(stage, offset));
        progress(`${NAME}: ${count} of ${steps}, the clock is ${offset} s off, ${load.done} statements done`);
      }
    } finally {
      step(0);
      await load.stop();
    }
    const result = await resultOf(NAME, `${steps} steps of ${STEP_SECONDS} s, forward and back`, lane, load);
    const stayed = load.connections === AGENTS && load.errors.size === 0;
    const complaints = stayed ? result.complaints : [...result.complaints, 'an agent was thrown out'];
    return { ...result, ok: result.ok && stayed, complaints };
  },
};

/** True once a session that is opened now is recorded as opened so many seconds from now. */
async function opensAt(stage: Stage, offset: number): Promise<true | undefined> {
  await stage.connect().then((client) => client.end());
  const seconds = (await stage.sessions()).map(({ openedUs }) => Number(openedUs) / 1e6 - Date.now() / 1000);
  return seconds.some((one) => Math.abs(one - offset) < STEP_SECONDS / 2) || undefined;
}
