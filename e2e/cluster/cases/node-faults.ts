import { setTimeout as pause } from 'node:timers/promises';
import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { PacketLoss } from '../packet-loss.ts';
import { bindsNewRule, masks, startLoad } from './disturbance.ts';
import { OURS } from './faults.ts';

type JsonObject = Readonly<Record<string, unknown>>;

const KUBELET_AWAY_MS = 10_000;

/** What breaks on the node and in its network. */
export const NODE_FAULT_CASES: readonly ClusterCase[] = [
  {
    name: 'kubelet-restarted',
    what: 'a pod works while its kubelet is dead and goes on in the same containers when it is back; then new pods start',
    needs: ['injected'],
    skip: OURS,
    run: async (stage) => {
      const before = await containers(stage);
      const endLoad = await startLoad(stage);
      await stage.node?.stop('kubelet', 'SIGKILL');
      // Without its kubelet nobody can look into the pod: what it did meanwhile is read afterwards.
      await pause(KUBELET_AWAY_MS);
      stage.node?.start('kubelet');
      await stage.cluster.until('the node is back', async () => (await masks(stage)) || undefined);
      const { failed, wrong, statements } = await endLoad();
      must(failed === 0 && statements > 10, 'the agent was disturbed', wrong);
      const after = await containers(stage);
      must(after === before, 'its containers are others', `${before}\n${after}`);
      await stage.deletePod('next-bot');
      await stage.startAgent('next-bot');
      must(await masks(stage, 'next-bot'), 'a new pod does not work');
      await stage.deletePod('next-bot', 'agents', '--wait=false');
    },
  },
  {
    name: 'watch-silent',
    what: 'when every connection of the operators to the API server dies without a word, a rule that is made then still binds',
    needs: ['injected'],
    skip: OURS,
    run: async (stage) => {
      using loss = packetLoss(stage);
      const silenced = loss.silence(await operatorAddresses(stage), 6443);
      must(silenced > 0, 'the operators have no connection to silence');
      const seconds = await bindsNewRule(stage);
      process.stderr.write(`  ${silenced} connections silent; the new rule bound after ${seconds.toFixed(1)} s\n`);
    },
  },
  {
    name: 'evicted-for-room',
    what: 'a pod that its kubelet evicts with a query running has that session closed and marked in the store',
    needs: ['injected'],
    run: async (stage) => {
      await stage.deletePod('greedy-bot');
      await stage.startAgent('greedy-bot', (manifest) =>
        manifest.replace('      command:', '      resources: {limits: {ephemeral-storage: 20Mi}}\n      command:'),
      );
      const running = stage.psql('SELECT pg_sleep(600), 4713 AS before_the_eviction', 'greedy-bot');
      await stage.cluster.until('the query runs', async () =>
        (await stage.postgresLog()).includes('before_the_eviction') ? true : undefined,
      );
      const uid = await stage.cluster.value('pod', 'greedy-bot', 'agents', '{.metadata.uid}');
      await stage.agent(['sh', '-c', 'head -c 60000000 /dev/zero > /tmp/too-much'], 'greedy-bot');
      await stage.cluster.until('it is evicted', async () => {
        const phase = await stage.cluster.value('pod', 'greedy-bot', 'agents', '{.status.phase}');
        return phase === 'Failed' || phase === 'Succeeded' ? phase : undefined;
      });
      await running;
      await isMarked(stage, uid, 'before_the_eviction');
      await stage.deletePod('greedy-bot');
    },
  },
  {
    name: 'vanished',
    what: 'the open session of a pod that vanished without a word is marked: its end is not known',
    needs: ['injected'],
    skip: OURS,
    run: async (stage) => {
      await stage.deletePod('lost-bot');
      await stage.startAgent('lost-bot');
      const running = stage.psql('SELECT pg_sleep(600), 4714 AS before_it_vanished', 'lost-bot');
      const uid = await stage.cluster.value('pod', 'lost-bot', 'agents', '{.metadata.uid}');
      await stage.cluster.until('its record is in the store', () => sessionWith(stage, uid, 'before_it_vanished'));
      using loss = packetLoss(stage);
      loss.cutOff(await stage.cluster.value('pod', 'lost-bot', 'agents', '{.status.podIP}'));
      await stage.deletePod('lost-bot', 'agents', '--grace-period=0', '--force');
      await running;
      const session = await isMarked(stage, uid, 'before_it_vanished');
      must(session['tailUnknown'] === true, 'its end is said to be known', session);
    },
  },
];

function packetLoss({ node }: Stage): PacketLoss {
  if (node === undefined) throw new Error('the network of this cluster is not ours to break');
  return new PacketLoss(node);
}

/** Names, starts and numbers of restarts of the example's containers. */
function containers(stage: Stage): Promise<string> {
  const each = '{.name} {.containerID} {.restartCount};';
  const path = ['initContainerStatuses', 'containerStatuses'].map((list) => `{range .status.${list}[*]}${each}{end}`);
  return stage.cluster.value('pod', AGENT, 'agents', path.join(''));
}

async function operatorAddresses(stage: Stage): Promise<readonly string[]> {
  const label = 'app.kubernetes.io/component=operator';
  const path = 'jsonpath={range .items[*]}{.status.podIP}{"\\n"}{end}';
  const text = await stage.cluster.kubectl('get', 'pods', '-n', SYSTEM, '-l', label, '-o', path);
  return text.split('\n').filter((address) => address !== '');
}

/** The session of that pod in which a command with that text is, as the store has it; undefined: there is none yet. */
async function sessionWith(stage: Stage, uid: string, text: string): Promise<JsonObject | undefined> {
  for (const session of await stage.store('sessions', '--limit', '1000')) {
    if (session['gate'] !== uid) continue;
    const events = await stage.store('show', String(session['sessionId']));
    if (events.some((event) => event['kind'] === 'Command' && JSON.stringify(event).includes(text))) return session;
  }
  return undefined;
}

/** Resolves to that session when it is closed with a word that says it was cut short. */
async function isMarked(stage: Stage, uid: string, text: string): Promise<JsonObject> {
  return stage.cluster.until('the session is marked', async () => {
    const session = await sessionWith(stage, uid, text);
    if (session?.['closedUs'] === undefined || session['closedUs'] === 0) return undefined;
    const code = String(session['closeCode']);
    process.stderr.write(`  closed as ${code}, tailUnknown ${String(session['tailUnknown'])}\n`);
    return ['GateStopped', 'TailUnknown', 'AgentLeft'].includes(code) ? session : undefined;
  });
}
