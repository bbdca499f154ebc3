import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { IMAGE_TAG } from '../node-images.ts';
import { bindsNewRule, isRecorded, masks, startLoad } from './disturbance.ts';

/** Names a checkout of the version before; its images are loaded under this tag. */
const BEFORE = process.env['SIDEGATE_BEFORE'] ?? '';
const BEFORE_TAG = 'before';
const VOLUME = 'sidegate-store-volume';

/** From the version before to this one. */
export const UPGRADE_CASES: readonly ClusterCase[] = [
  {
    name: 'upgrade',
    what: 'helm upgrade from the version before: gates of then go on and hear new rules, new pods get the new gate, no statement fails, no record is lost',
    needs: ['resources'],
    skip: ({ node }) =>
      node === undefined || !existsSync(join(BEFORE, 'charts', 'sidegate'))
        ? `SIDEGATE_BEFORE must name a checkout whose images are loaded: npm run cluster -- load CHECKOUT ${BEFORE_TAG}`
        : undefined,
    run: async (stage) => {
      await stage.deletePod(AGENT);
      await stage.helm('uninstall', 'sidegate', '--wait');
      const persistent = await keepRecords(stage);
      try {
        await stage.installFrom(join(BEFORE, 'charts', 'sidegate'), `image.tag=${BEFORE_TAG}`, ...persistent);
        await upgrade(stage, persistent);
      } finally {
        await stage.deletePod(AGENT);
        await stage.helm('uninstall', 'sidegate', '--wait');
        await stage.cluster.kubectl('delete', 'pvc', '-n', SYSTEM, 'data-sidegate-store-0', '--ignore-not-found');
        await stage.cluster.kubectl('delete', 'pv', VOLUME, '--ignore-not-found');
        await stage.install();
      }
    },
  },
];

async function upgrade(stage: Stage, persistent: readonly string[]): Promise<void> {
  await stage.ready('target', 'orders-db', 'data');
  await stage.cluster.until('a pod gets its gate', async () => {
    await stage.startAgent();
    if ((await gateOf(stage, AGENT)) !== '') return true;
    await stage.deletePod(AGENT, 'agents', '--grace-period=0', '--force');
    return undefined;
  });
  must((await gateOf(stage, AGENT)).endsWith(`:${BEFORE_TAG}`), 'its gate is not of the version before');
  await isRecorded(stage, 'before_the_upgrade', AGENT);
  const endLoad = await startLoad(stage);
  const began = Date.now();
  await stage.install(`image.tag=${IMAGE_TAG}`, ...persistent);
  await stage.cluster.kubectl('-n', SYSTEM, 'rollout', 'status', 'statefulset/sidegate-store', '--timeout=180s');
  const upgraded = (Date.now() - began) / 1000;
  const bound = await bindsNewRule(stage);
  await stage.deletePod('new-bot');
  await stage.startAgent('new-bot');
  must((await gateOf(stage, 'new-bot')).endsWith(`:${IMAGE_TAG}`), 'a new pod does not get the new gate');
  must(await masks(stage, 'new-bot'), 'a new pod does not work');
  await bindsNewRule(stage, 'new-bot');
  const { failed, wrong, statements } = await endLoad();
  must(failed === 0 && statements > 10, 'the agent was disturbed', wrong);
  must((await gateOf(stage, AGENT)).endsWith(`:${BEFORE_TAG}`), 'the pod of before has another gate');
  await isRecorded(stage, 'after_the_upgrade', AGENT);
  await isRecorded(stage, 'by_the_new_gate', 'new-bot');
  must(JSON.stringify(await stage.commands()).includes('before_the_upgrade'), 'records of before are lost');
  const verified = await stage.cluster.exec(SYSTEM, 'sidegate-store-0', ['sidegate', 'verify', '--all']);
  must(verified.code === 0, 'the records do not verify', verified);
  process.stderr.write(
    `  upgraded in ${upgraded.toFixed(0)} s; a new rule bound the old gate after ${bound.toFixed(1)} s\n`,
  );
  await stage.deletePod('new-bot', 'agents', '--wait=false');
}

/** Nothing gives out volumes here, so the store gets one by name. */
async function keepRecords(stage: Stage): Promise<readonly string[]> {
  const path = join(stage.node?.folder ?? '', 'store-volume');
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  chmodSync(path, 0o777);
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    claimRef: { namespace: SYSTEM, name: 'data-sidegate-store-0' },
    hostPath: { path },
  };
  await stage.cluster.apply(
    JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: VOLUME }, spec }),
  );
  return ['store.persistence.enabled=true', 'store.persistence.size=1Gi'];
}

function gateOf(stage: Stage, pod: string): Promise<string> {
  return stage.cluster.value('pod', pod, 'agents', '{.spec.initContainers[0].image}');
}
