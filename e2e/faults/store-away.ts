import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultOptions, FaultResult } from './fault.ts';
import { laneStageOf, openPostgresLoad } from './lanes/postgres.ts';
import { Load } from './load.ts';
import { resultOf } from './result.ts';

const AGENTS = 4;
/** Agents do not work as fast as they can, or the spool is full before the time is over, which is another fault. */
const PAUSE_MS = 100;
const WHOLE_RUN_KILLS = 50;
const SECONDS = { whole: 180, small: 5 } as const;
/** A slow store works so long, then stands still so long, in milliseconds. */
const SLOW_MS = { works: 50, stands: 950 } as const;

/** The store stands still as `still` says, for the whole time. */
async function withStore(
  name: string,
  { kills, progress }: FaultOptions,
  still: (pause: (stopped: boolean) => void, untilMs: number) => Promise<void>,
): Promise<FaultResult> {
  await using stage = await openPostgresLoad();
  const lane = laneStageOf(stage);
  const load = new Load(lane, AGENTS, PAUSE_MS);
  const seconds = kills >= WHOLE_RUN_KILLS ? SECONDS.whole : SECONDS.small;
  const { store } = stage.processIds();
  const pause = (stopped: boolean): void => void process.kill(store, stopped ? 'SIGSTOP' : 'SIGCONT');
  let meanwhile = 0;
  let catchingUpFrom = 0;
  try {
    await load.more(AGENTS);
    const before = load.done;
    try {
      await still(pause, Date.now() + seconds * 1_000);
    } finally {
      pause(false);
    }
    meanwhile = load.done - before;
    progress(`${name}: ${meanwhile} statements were done meanwhile`);
    await load.more(AGENTS);
  } finally {
    await load.stop();
    catchingUpFrom = Date.now();
  }
  const result = await resultOf(name, `${seconds} s under ${AGENTS} agents`, lane, load);
  const caughtUpSeconds = Math.round((Date.now() - catchingUpFrom) / 1_000);
  const undisturbed = meanwhile > 0 && load.connections === AGENTS && load.errors.size === 0;
  const complaints = undisturbed ? result.complaints : [...result.complaints, 'agents were disturbed'];
  return {
    ...result,
    figures: { ...result.figures, meanwhile, caughtUpSeconds },
    ok: result.ok && undisturbed,
    complaints,
  };
}

export const STORE_AWAY: Fault = {
  name: 'store-away',
  promise: 'a store that is away for minutes holds nobody up, and gets everything later',
  run: (options) =>
    withStore('store-away', options, async (pause, untilMs) => {
      pause(true);
      await sleep(untilMs - Date.now());
    }),
};

export const STORE_SLOW: Fault = {
  name: 'store-slow',
  promise: 'a store that works one twentieth of the time holds nobody up, and gets everything',
  run: (options) =>
    withStore('store-slow', options, async (pause, untilMs) => {
      while (Date.now() < untilMs) {
        pause(true);
        await sleep(SLOW_MS.stands);
        pause(false);
        await sleep(SLOW_MS.works);
      }
    }),
};
