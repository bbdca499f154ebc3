import { setTimeout as sleep } from 'node:timers/promises';
import { OPEN_POLICY } from '../clients/open-policy.ts';
import { openStage, type Stage } from '../stage.ts';
import { until } from './account.ts';
import type { Fault, FaultOptions, FaultResult } from './fault.ts';
import { LOAD_SETUP, Load } from './load.ts';
import { resultOf } from './result.ts';

const AGENTS = 4;
/** So many statements may be done between two kills; a random share of them is waited for. */
const STATEMENTS_MAX = 20;
const DELAY_MS_MAX = 30;

type Killed = 'gate' | 'store';

async function killOnce(stage: Stage, load: Load, program: Killed, random: () => number): Promise<void> {
  await load.more(1 + Math.floor(random() * STATEMENTS_MAX));
  // Off the beat of the load: inside an answer, between record and forward.
  await sleep(random() * DELAY_MS_MAX);
  const before = stage.processIds()[program];
  process.kill(before, 'SIGKILL');
  await until(`the ${program} is not started again`, async () => stage.processIds()[program] !== before || undefined);
}

/** A stage with a load on it, what `breaking` does to them, and the account of it. */
async function underLoad(name: string, breaking: (stage: Stage, load: Load) => Promise<string>): Promise<FaultResult> {
  await using stage = await openStage({ setup: LOAD_SETUP, files: { 'policy.yaml': OPEN_POLICY } });
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

async function killMany(name: string, program: Killed, kills: number, options: FaultOptions): Promise<FaultResult> {
  return underLoad(name, async (stage, load) => {
    for (let kill = 1; kill <= kills; kill += 1) {
      await killOnce(stage, load, program, options.random);
      if (kill % 10 === 0) options.progress(`${name}: ${kill} of ${kills} kills, ${load.done} statements done`);
    }
    return `${kills} SIGKILLs under ${AGENTS} agents`;
  });
}

/** A tenth of the gate's kills, at least one. */
const share = (kills: number): number => Math.max(1, Math.round(kills / 10));

export const GATE_KILLED: Fault = {
  name: 'gate-killed',
  promise: 'what was forwarded, commands and answers, is in the record; what may be missing is marked',
  run: (options) => killMany('gate-killed', 'gate', options.kills, options),
};

export const STORE_KILLED: Fault = {
  name: 'store-killed',
  promise: 'agents go on, and the store ends up with everything once',
  run: (options) => killMany('store-killed', 'store', share(options.kills), options),
};

export const STORE_STOPPED: Fault = {
  name: 'store-stopped',
  promise: 'a store that takes connections and does nothing holds nobody up, and gets everything later',
  run: (options) =>
    underLoad('store-stopped', async (stage, load) => {
      const statements = 20 * share(options.kills);
      const { store } = stage.processIds();
      process.kill(store, 'SIGSTOP');
      const from = Date.now();
      try {
        await load.more(statements);
      } finally {
        process.kill(store, 'SIGCONT');
      }
      return `SIGSTOP for ${Math.round((Date.now() - from) / 1000)} s, while ${statements} statements were done`;
    }),
};

export const SERVER_RESTARTED: Fault = {
  name: 'server-restarted',
  promise: 'what the server ran until it crashed is recorded, and agents work again on the one behind it',
  run: (options) =>
    underLoad('server-restarted', async (stage, load) => {
      const crashes = Math.max(1, Math.round(options.kills / 40));
      for (let crash = 1; crash <= crashes; crash += 1) {
        await load.more(1 + Math.floor(options.random() * STATEMENTS_MAX));
        await stage.postgres.crash();
        await stage.postgres.startAgain();
      }
      return `${crashes} crashes (SIGQUIT) and recoveries`;
    }),
};
