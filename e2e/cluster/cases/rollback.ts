import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { bindsNewRule, masks } from './disturbance.ts';

/** Made between the upgrade and the rollback. */
const LATER = 'new-bot';
const CONFIG_MAP = 'sidegate-injection';

/** Back to what was installed, which knows nothing of what came after it. */
export const ROLLBACK_CASES: readonly ClusterCase[] = [
  {
    name: 'rollback',
    what: 'helm rollback after an upgrade that changed what is injected: pods of before and of meanwhile go on and hear new rules',
    needs: ['resources'],
    run: async (stage) => {
      await stage.deletePod(AGENT);
      await stage.deletePod(LATER);
      await stage.startAgent();
      const revision = await revisionOf(stage);
      await stage.install('injection.startClosed=true');
      try {
        await startLater(stage);
        await stage.cluster.until('the operator saw what is set', async () =>
          (await settings(stage))['seen']?.includes('"start-closed":"true"') === true ? true : undefined,
        );
        await stage.helm('rollback', 'sidegate', String(revision), '--wait');
        const { 'start-closed': closed, former = '[]' } = await settings(stage);
        must(closed === 'false' && !former.includes('"true"'), 'the settings are not those of before', former);
        for (const pod of [AGENT, LATER]) await bindsNewRule(stage, pod);
        await forget(stage);
        await stage.cluster.until('what nobody remembers is cut off', async () =>
          (await masks(stage, LATER)) ? undefined : true,
        );
        must(await masks(stage), 'the pod of before is cut off as well');
      } finally {
        await stage.deletePod(LATER, 'agents', '--wait=false');
        await stage.install();
      }
    },
  },
];

/** A pod with a gate of the settings of now: the API server hears of them a moment later. */
async function startLater(stage: Stage): Promise<void> {
  await stage.cluster.until('a pod gets the gate of now', async () => {
    await stage.startAgent(LATER);
    const parameters = await stage.cluster.value('pod', LATER, 'agents', '{.spec.initContainers[0].args}');
    if (parameters.includes('--start-closed')) return true;
    await stage.deletePod(LATER, 'agents', '--grace-period=0', '--force');
    return undefined;
  });
  await stage.cluster.until('it reads through its gate', async () => (await masks(stage, LATER)) || undefined);
}

async function revisionOf(stage: Stage): Promise<number> {
  const history: readonly { readonly revision: number }[] = JSON.parse(
    await stage.helm('history', 'sidegate', '-o', 'json'),
  );
  return history.at(-1)?.revision ?? 1;
}

async function settings(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const { data } = await stage.cluster.get('configmap', CONFIG_MAP, SYSTEM);
  return Object(data);
}

/** As docs/kubernetes.md says how gates of before are cut off. */
async function forget(stage: Stage): Promise<void> {
  const patch = JSON.stringify({ data: { seen: null, former: null } });
  await stage.cluster.kubectl('patch', 'configmap', CONFIG_MAP, '-n', SYSTEM, '--type=merge', '-p', patch);
}
