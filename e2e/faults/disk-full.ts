import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { failureOf } from '../client-error.ts';
import { until } from './account.ts';
import { type Fault, type FaultResult, leftOut } from './fault.ts';
import { laneStageOf, openPostgresLoad } from './lanes/postgres.ts';
import { Load } from './load.ts';
import { resultOf } from './result.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

const AGENTS = 4;
/** What the spool may take: a file system of its own. */
const DISK_MIB = 4;
const NAME = 'disk-full';

export const DISK_FULL: Fault = {
  name: NAME,
  promise: 'with no room for records nothing is forwarded: agents wait, then are refused; with room again they work',
  run: async ({ progress }): Promise<FaultResult> => {
    let disk: SmallDisk | undefined;
    await using stage = await openPostgresLoad({
      prepareState: async (state) => {
        disk = await mountSmallDisk(join(state, 'gate', 'spool'), DISK_MIB);
        return disk;
      },
    });
    if (disk === undefined) return leftOut(NAME, 'the right to mount');
    const { folder } = disk;
    const lane = laneStageOf(stage);
    const load = new Load(lane, AGENTS);
    const { store } = stage.processIds();
    process.kill(store, 'SIGSTOP');
    const from = Date.now();
    let refusedAtOpen: string | undefined;
    try {
      await until('no agent is refused', async () => (load.errors.has('58030') ? true : undefined));
      progress(`${NAME}: agents are refused after ${Math.round((Date.now() - from) / 1000)} s`);
      const fresh = await failureOf(stage.connect().then((client) => client.end()));
      refusedAtOpen = fresh?.code;
    } finally {
      process.kill(store, 'SIGCONT');
    }
    const seconds = Math.round((Date.now() - from) / 1000);
    const { bfree, bsize } = statfsSync(folder);
    try {
      await load.more(5 * AGENTS);
    } finally {
      await load.stop();
    }
    progress(`${NAME}: agents work again`);
    const done = `a disk of ${DISK_MIB} MiB for the spool and a store that takes nothing, for ${seconds} s`;
    const result = await resultOf(NAME, done, lane, load);
    return {
      ...result,
      figures: {
        ...result.figures,
        freeBytesThen: bfree * bsize,
        refusedAtOpen: refusedAtOpen ?? 'not refused',
      },
      ok: result.ok && refusedAtOpen !== undefined,
    };
  },
};
