import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage } from '../cluster-stage.ts';
import { OURS } from './faults.ts';

const PAIRS = 12;
/** Has no label: pods get no gate there. */
const BARE = 'bare';

/** What a gate costs when a pod starts. */
export const START_TIME_CASES: readonly ClusterCase[] = [
  {
    name: 'start-times',
    what: `from a pod's creation to its agent's first instruction, with and without the gate, ${PAIRS} of each by turns`,
    needs: ['injected'],
    skip: OURS,
    run: async (stage) => {
      await stage.cluster.apply(`apiVersion: v1\nkind: Namespace\nmetadata: {name: ${BARE}}`);
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: AGENT, namespace: BARE } };
      await stage.cluster.apply(JSON.stringify(account));
      const seconds: Record<'with' | 'without', number[]> = { with: [], without: [] };
      // The first of each loads what the others find loaded.
      for (let number = 0; number <= PAIRS; number++) {
        const found = { with: await startSeconds(stage, 'agents'), without: await startSeconds(stage, BARE) };
        if (number === 0) continue;
        seconds.with.push(found.with);
        seconds.without.push(found.without);
      }
      await stage.cluster.kubectl('delete', 'namespace', BARE, '--wait=false');
      const lines = Object.entries(seconds).map(([name, all]) => `  ${name} the gate: ${summary(all)}\n`);
      process.stderr.write(lines.join(''));
      process.stderr.write(`  ${JSON.stringify(seconds)}\n`);
    },
  },
];

/** Node and kubectl have one clock here. */
async function startSeconds(stage: Stage, namespace: string): Promise<number> {
  const manifest = stage
    .example('agent')
    .split('\n---\n')[1]
    ?.replace('  name: support-bot\n  namespace: agents', `  name: timed-bot\n  namespace: ${namespace}`)
    .replace('command: [sleep, infinity]', 'command: [sh, -c, "date +%s.%N; exec sleep infinity"]');
  const began = Date.now() / 1000;
  await stage.cluster.apply(manifest ?? '');
  const text = await stage.cluster.until('the agent runs', async () => {
    const { stdout } = await stage.cluster.try(['logs', 'timed-bot', '-n', namespace, '-c', 'agent']);
    return stdout === '' ? undefined : stdout;
  });
  const containers = await stage.cluster.value('pod', 'timed-bot', namespace, '{.spec.initContainers[*].name}');
  must(containers === (namespace === BARE ? '' : 'sidegate'), 'it has another gate than was meant', containers);
  await stage.deletePod('timed-bot', namespace, '--grace-period=0', '--force');
  return Number(text.trim()) - began;
}

function summary(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((one, other) => one - other);
  const at = (part: number): string => (sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN).toFixed(2);
  return `median ${at(0.5)} s, least ${at(0)} s, most ${at(1)} s, n = ${sorted.length}`;
}
