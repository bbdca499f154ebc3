import { setTimeout as pause } from 'node:timers/promises';
import { type ClusterCase, must } from '../case.ts';
import type { Stage } from '../cluster-stage.ts';
import { bindsNewRule, bringBackOperator, masks, startLoad, takeAway } from './disturbance.ts';

/** The operator is away so long: as long as the longest restart that anybody waits for. */
const AWAY_MS = 600_000;

/** What goes on while no operator is there. */
export const ABSENCE_CASES: readonly ClusterCase[] = [
  {
    name: 'operator-down',
    what: 'with no operator for ten minutes a running pod works under its last rules, and a new pod waits for its gate and then starts',
    needs: ['injected'],
    run: async (stage) => {
      await stage.deletePod('late-bot');
      const endLoad = await startLoad(stage);
      await takeAway(stage, 'deployment', 'operator');
      const began = Date.now();
      await apply(stage, 'late-bot');
      await waitsForGate(stage, 'late-bot');
      while (Date.now() - began < AWAY_MS) {
        await pause(AWAY_MS / 20);
        must(!(await isStarted(stage, 'late-bot')), 'the agent of the new pod has started');
      }
      must((await stage.psql('DROP TABLE orders')).code !== 0, 'the last rules do not hold');
      const away = (Date.now() - began) / 1000;
      const { failed, wrong, statements, slowestSeconds } = await endLoad();
      must(failed === 0 && statements > AWAY_MS / 1000, 'the agent was disturbed', wrong);
      await bringBackOperator(stage);
      const back = Date.now();
      await stage.cluster.until('the new pod starts', () => isReady(stage, 'late-bot'));
      const seconds = (Date.now() - back) / 1000;
      must(await masks(stage, 'late-bot'), 'the new pod does not work');
      const bound = await bindsNewRule(stage);
      process.stderr.write(
        `  away for ${away.toFixed(0)} s: ${statements} statements, the slowest ${slowestSeconds} s; back, the new pod started after ${seconds.toFixed(0)} s, a new rule bound after ${bound.toFixed(1)} s\n`,
      );
      await stage.deletePod('late-bot', 'agents', '--wait=false');
    },
  },
  {
    name: 'started-closed',
    what: 'by option a new pod starts with every Target closed while there is no operator, and is opened when there is one; pods of before go on',
    needs: ['injected'],
    run: async (stage) => {
      await stage.install('injection.startClosed=true');
      try {
        await stage.deletePod('early-bot');
        await takeAway(stage, 'deployment', 'operator');
        await apply(stage, 'early-bot');
        await stage.cluster.until('it starts without an operator', () => isReady(stage, 'early-bot'));
        const tried = await stage.psql('SELECT count(*) FROM orders', 'early-bot');
        must(tried.code !== 0, 'a Target is open', tried);
        must(await masks(stage), 'the pod of before does not work');
        await bringBackOperator(stage);
        await stage.cluster.until('its Target is opened', async () => (await masks(stage, 'early-bot')) || undefined);
        await bindsNewRule(stage);
        await stage.deletePod('early-bot', 'agents', '--wait=false');
      } finally {
        await stage.install('injection.startClosed=false');
      }
    },
  },
];

function apply(stage: Stage, pod: string): Promise<string> {
  return stage.cluster.apply(stage.example('agent').replaceAll('name: support-bot', `name: ${pod}`));
}

async function waitsForGate(stage: Stage, pod: string): Promise<void> {
  await stage.cluster.until('its gate runs and is not started', async () => {
    const gate = '{.status.initContainerStatuses[0]';
    const state = await stage.cluster.value('pod', pod, 'agents', `${gate}.state.running.startedAt} ${gate}.started}`);
    return /^\d.* false$/.test(state) ? state : undefined;
  });
}

/** Whether its agent has begun, or has ever begun. */
async function isStarted(stage: Stage, pod: string): Promise<boolean> {
  const agent = '{.status.containerStatuses[0]';
  const path = `{.status.phase} ${agent}.state.running.startedAt}${agent}.lastState.terminated.startedAt}`;
  return (await stage.cluster.value('pod', pod, 'agents', path)).trim() !== 'Pending';
}

async function isReady(stage: Stage, pod: string): Promise<true | undefined> {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  return (await stage.cluster.value('pod', pod, 'agents', path)) === 'True' ? true : undefined;
}
