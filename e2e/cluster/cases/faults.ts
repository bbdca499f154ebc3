import { type ClusterCase, must } from '../case.ts';
import { type Stage, SYSTEM } from '../cluster-stage.ts';
import { authority, bindsNewRule, killGate, masks, takeAway } from './disturbance.ts';

/** Why a case that stops processes of the cluster cannot run. */
export const OURS = (stage: Stage): string | undefined =>
  stage.node === undefined ? 'the processes of this cluster are not ours to stop' : undefined;

/** What breaks, and what goes on. */
export const FAULT_CASES: readonly ClusterCase[] = [
  {
    name: 'gate-killed',
    what: 'a gate whose container is killed comes back with the same authority and rules',
    needs: ['injected'],
    run: async (stage) => {
      const before = await authority(stage);
      await killGate(stage);
      await stage.cluster.until('the gate judges again', async () => (await masks(stage)) || undefined);
      must((await authority(stage)) === before, 'its authority is another one');
    },
  },
  {
    name: 'killed-mid-query',
    what: 'a gate that is killed while a query runs loses no record of it',
    needs: ['injected'],
    run: async (stage) => {
      const running = stage.psql('SELECT pg_sleep(30), 4711 AS in_flight');
      await stage.cluster.until('the query runs', async () =>
        (await stage.postgresLog()).includes('in_flight') ? true : undefined,
      );
      await killGate(stage);
      must((await running).code !== 0, 'the client was told that it went well');
      await stage.cluster.until('its record is in the store', async () =>
        JSON.stringify(await stage.commands()).includes('in_flight') ? true : undefined,
      );
      await stage.cluster.until('the gate judges again', async () => (await masks(stage)) || undefined);
    },
  },
  {
    name: 'leader-killed',
    what: 'when the operator that leads is killed the other one takes over, and a rule of then binds',
    needs: ['injected'],
    run: async (stage) => {
      const leader = await stage.cluster.value('lease', 'sidegate-operator', SYSTEM, '{.spec.holderIdentity}');
      await stage.deletePod(leader, SYSTEM, '--grace-period=0', '--force');
      await stage.cluster.until('another one leads', async () => {
        const now = await stage.cluster.value('lease', 'sidegate-operator', SYSTEM, '{.spec.holderIdentity}');
        return now !== '' && now !== leader ? now : undefined;
      });
      await bindsNewRule(stage);
    },
  },
  {
    name: 'store-down',
    what: 'with no store a pod works, and its records are there when the store is back',
    needs: ['injected'],
    run: async (stage) => {
      await takeAway(stage, 'statefulset', 'store');
      const { code, stderr } = await stage.psql('SELECT count(*) AS while_it_was_away FROM orders');
      must(code === 0, 'the pod does not work', stderr);
      await stage.cluster.kubectl('scale', 'statefulset', 'sidegate-store', '-n', SYSTEM, '--replicas=1');
      await stage.cluster.until('the record is there', async () =>
        JSON.stringify(await stage.commands()).includes('while_it_was_away') ? true : undefined,
      );
    },
  },
  {
    name: 'api-server-restarted',
    what: 'a running pod works while the API server is away, and a rule that is made afterwards binds',
    needs: ['injected'],
    skip: OURS,
    run: async (stage) => {
      await stage.node?.stop('kube-apiserver');
      stage.node?.start('kube-apiserver');
      await stage.cluster.until('the API server answers', async () => stage.cluster.kubectl('get', '--raw', '/readyz'));
      await stage.cluster.until('the pod works', async () => (await masks(stage)) || undefined);
      await bindsNewRule(stage);
    },
  },
  {
    name: 'evicted',
    what: 'the last command of a pod that is deleted at once is in the store',
    needs: ['injected'],
    run: async (stage) => {
      await stage.startAgent('short-bot');
      await stage.psql('SELECT 1 AS last_words FROM orders LIMIT 1', 'short-bot');
      await stage.deletePod('short-bot', 'agents', '--grace-period=1');
      await stage.cluster.until('the record is there', async () =>
        JSON.stringify(await stage.commands()).includes('last_words') ? true : undefined,
      );
    },
  },
];
