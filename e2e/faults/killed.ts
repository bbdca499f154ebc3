import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './account.ts';
import { type Fault, type FaultOptions, type FaultResult, leftOut } from './fault.ts';
import type { Lane, LaneStage } from './lane.ts';
import { POSTGRES_LANE } from './lanes/postgres.ts';
import { REDIS_LANE } from './lanes/redis.ts';
import { SSH_LANE } from './lanes/ssh.ts';
import { Load } from './load.ts';
import { resultOf } from './result.ts';

const AGENTS = 4;
/** So many commands may be done between two kills; a random share of them is waited for. */
const COMMANDS_MAX = 20;
const DELAY_MS_MAX = 30;

type Killed = 'gate' | 'store';

async function killOnce(stage: LaneStage, load: Load, program: Killed, random: () => number): Promise<void> {
  await load.more(1 + Math.floor(random() * COMMANDS_MAX));
  // Off the beat of the load: inside an answer, between record and forward.
  await sleep(random() * DELAY_MS_MAX);
  const before = stage.processIds()[program];
  process.kill(before, 'SIGKILL');
  await until(`the ${program} is not started again`, async () => stage.processIds()[program] !== before || undefined);
}

/** A lane's stage with a load on it, what `breaking` does to them, and the account of it. */
async function underLoad(
  name: string,
  lane: Lane,
  breaking: (stage: LaneStage, load: Load) => Promise<string>,
): Promise<FaultResult> {
  if (lane.needs !== undefined) return leftOut(name, lane.needs);
  await using stage = await lane.open();
  const load = new Load(stage, AGENTS);
  let done: string;
  try {
    done = await breaking(stage, load);
    await load.more(AGENTS);
  } finally {
    await load.stop();
  }
  // Awaited here: the stage is gone once this function has returned.
  return await resultOf(name, done, stage, load);
}

async function killMany(
  name: string,
  lane: Lane,
  program: Killed,
  kills: number,
  options: FaultOptions,
): Promise<FaultResult> {
  return underLoad(name, lane, async (stage, load) => {
    for (let kill = 1; kill <= kills; kill += 1) {
      await killOnce(stage, load, program, options.random);
      if (kill % 10 === 0) options.progress(`${name}: ${kill} of ${kills} kills, ${load.done} commands done`);
    }
    return `${kills} SIGKILLs under ${AGENTS} agents`;
  });
}

/** The gate of a lane is killed as often as is asked for. */
const gateKilled = (name: string, lane: Lane): Fault => ({
  name,
  promise: 'what was forwarded, commands and answers, is in the record; what may be missing is marked',
  run: (options) => killMany(name, lane, 'gate', options.kills, options),
});

/** The server of a lane is killed and started again, a fortieth as often. */
const serverRestarted = (name: string, lane: Lane): Fault => ({
  name,
  promise: 'what the server ran until it crashed is recorded, and agents work again on the one behind it',
  run: (options) =>
    underLoad(name, lane, async (stage, load) => {
      const crashes = Math.max(1, Math.round(options.kills / 40));
      for (let crash = 1; crash <= crashes; crash += 1) {
        await load.more(1 + Math.floor(options.random() * COMMANDS_MAX));
        await stage.restartServer();
      }
      return `${crashes} crashes and recoveries of the server`;
    }),
});

/** A tenth of the gate's kills, at least one. */
const share = (kills: number): number => Math.max(1, Math.round(kills / 10));

export const GATE_KILLED = gateKilled('gate-killed', POSTGRES_LANE);
export const REDIS_KILLED = gateKilled('redis-killed', REDIS_LANE);
export const SSH_KILLED = gateKilled('ssh-killed', SSH_LANE);

export const STORE_KILLED: Fault = {
  name: 'store-killed',
  promise: 'agents go on, and the store ends up with everything once',
  run: (options) => killMany('store-killed', POSTGRES_LANE, 'store', share(options.kills), options),
};

export const STORE_STOPPED: Fault = {
  name: 'store-stopped',
  promise: 'a store that takes connections and does nothing holds nobody up, and gets everything later',
  run: (options) =>
    underLoad('store-stopped', POSTGRES_LANE, async (stage, load) => {
      const commands = 20 * share(options.kills);
      const { store } = stage.processIds();
      process.kill(store, 'SIGSTOP');
      const from = Date.now();
      try {
        await load.more(commands);
      } finally {
        process.kill(store, 'SIGCONT');
      }
      return `SIGSTOP for ${Math.round((Date.now() - from) / 1000)} s, while ${commands} statements were done`;
    }),
};

export const SERVER_RESTARTED = serverRestarted('server-restarted', POSTGRES_LANE);
export const REDIS_RESTARTED = serverRestarted('redis-restarted', REDIS_LANE);
export const SSH_RESTARTED = serverRestarted('ssh-restarted', SSH_LANE);
