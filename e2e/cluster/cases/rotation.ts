import { createHash, X509Certificate } from 'node:crypto';
import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { bindsNewRule, isRecorded, masks, startLoad } from './disturbance.ts';

const SERVERS = [
  { secret: 'sidegate-operator-tls', host: 'sidegate-operator' },
  { secret: 'sidegate-store-tls', host: 'sidegate-store' },
] as const;

/** Certificates are replaced while agents work. */
export const ROTATION_CASES: readonly ClusterCase[] = [
  {
    name: 'certificates-rotated',
    what: 'when every serving certificate is replaced no statement fails, streams come again under the new ones, and a new pod trusts them',
    needs: ['injected'],
    run: async (stage) => {
      const endLoad = await startLoad(stage);
      const before = await served(stage);
      const names = SERVERS.map(({ secret }) => secret);
      await stage.cluster.kubectl('delete', 'secret', '-n', SYSTEM, ...names);
      await stage.cluster.until('both serve another certificate', async () => {
        const now = await served(stage);
        return now.every(({ digest }, index) => digest !== before[index]?.digest) ? now : undefined;
      });
      // Whoever leads holds every stream: without it each gate must come again.
      const leader = await stage.cluster.value('lease', 'sidegate-operator', SYSTEM, '{.spec.holderIdentity}');
      await stage.deletePod(leader, SYSTEM, '--wait=false');
      const seconds = await bindsNewRule(stage);
      await stage.deletePod('fresh-bot');
      await stage.startAgent('fresh-bot');
      must(await masks(stage, 'fresh-bot'), 'a new pod does not work');
      await isRecorded(stage, `after_the_rotation_${Date.now()}`, 'fresh-bot');
      await isRecorded(stage, `still_recorded_${Date.now()}`);
      await stage.deletePod('fresh-bot', 'agents', '--wait=false');
      const { failed, wrong, statements } = await endLoad();
      // The rule that was tried refuses another table than the load reads.
      must(failed === 0 && statements > 10, 'the agent was disturbed', wrong);
      process.stderr.write(`  a rule made then bound after ${seconds.toFixed(1)} s\n`);
    },
  },
  {
    name: 'root-rotated',
    what: 'when the root itself is replaced no statement fails, a pod that names the one before goes on with operator and store, and a new pod trusts the new one; once retired, the one before opens nothing',
    needs: ['injected'],
    run: async (stage) => {
      const endLoad = await startLoad(stage);
      const began = Date.now();
      const [before, shown] = [await trusted(stage), await served(stage)];
      must(certificates(before).length === 1, 'more than one root is trusted before', before);
      await askOfRoot(stage, 'Rotate');
      const overlap = await stage.cluster.until('two roots are trusted', async () => {
        const now = await trusted(stage);
        return certificates(now).length === 2 ? now : undefined;
      });
      must(overlap.endsWith(before), 'the root before is not trusted any more', overlap);
      const [root = ''] = certificates(overlap);
      await stage.cluster.until('both serve a certificate of the new root', async () => {
        const now = await served(stage);
        return now.every(({ digest, pem }, index) => digest !== shown[index]?.digest && isOf(pem, root)) || undefined;
      });
      const seconds = (Date.now() - began) / 1000;
      await comesAgain(stage);
      must((await namedRoot(stage, AGENT)) === before.trim(), 'the pod of before names another root');
      await stage.cluster.kubectl('label', 'pod', AGENT, '-n', 'agents', 'rotated=yes', '--overwrite');
      await bindsNewRule(stage);
      await isRecorded(stage, `by_the_root_before_${Date.now()}`);
      await stage.deletePod('fresh-bot');
      await stage.startAgent('fresh-bot');
      must((await namedRoot(stage, 'fresh-bot')) === overlap.trim(), 'a new pod does not name both roots');
      must(await masks(stage, 'fresh-bot'), 'a new pod does not work');
      await isRecorded(stage, `by_both_roots_${Date.now()}`, 'fresh-bot');
      await stage.helm('test', 'sidegate');
      const { failed, wrong, statements } = await endLoad();
      must(failed === 0 && statements > 100, 'the agent was disturbed', wrong);
      await retires(stage, root);
      process.stderr.write(`  both served with the new root after ${seconds.toFixed(0)} s\n`);
    },
  },
];

/** What names the root before is closed, what is made from now on works. */
async function retires(stage: Stage, root: string): Promise<void> {
  await askOfRoot(stage, 'Retire');
  await stage.cluster.until('the new root alone is trusted', async () =>
    (await trusted(stage)).trim() === root ? true : undefined,
  );
  await stage.cluster.until('the pod of before is closed', async () =>
    (await stage.psql('SELECT count(*) FROM orders')).code === 0 ? undefined : true,
  );
  for (const pod of ['fresh-bot', AGENT]) await stage.deletePod(pod);
  await stage.startAgent();
  must((await namedRoot(stage, AGENT)) === root, 'a new pod names another root');
  must(await masks(stage), 'a new pod does not work');
  await isRecorded(stage, `by_the_new_root_${Date.now()}`);
  await stage.helm('test', 'sidegate');
}

async function askOfRoot(stage: Stage, wish: 'Rotate' | 'Retire'): Promise<void> {
  await stage.cluster.kubectl('annotate', 'secret', 'sidegate-root', '-n', SYSTEM, `sidegate.dev/root=${wish}`);
}

/** Streams to the operator and to the store are opened anew, by gates that run. */
async function comesAgain(stage: Stage): Promise<void> {
  const leader = await stage.cluster.value('lease', 'sidegate-operator', SYSTEM, '{.spec.holderIdentity}');
  await stage.deletePod(leader, SYSTEM, '--wait=false');
  // Its pod stays: what it holds goes with that.
  const path = '{.status.containerStatuses[0].restartCount}';
  const restarts = await stage.cluster.value('pod', 'sidegate-store-0', SYSTEM, path);
  await stage.cluster.exec(SYSTEM, 'sidegate-store-0', ['node', '-e', 'process.kill(1)']);
  await stage.cluster.until('the store is started again', async () =>
    (await stage.cluster.value('pod', 'sidegate-store-0', SYSTEM, path)) === restarts ? undefined : true,
  );
  await stage.cluster.kubectl('-n', SYSTEM, 'rollout', 'status', 'statefulset/sidegate-store', '--timeout=180s');
}

/** What new pods are told to trust. */
function trusted(stage: Stage): Promise<string> {
  return stage.cluster.value('configmap', 'sidegate-injection', SYSTEM, '{.data.root\\.crt}');
}

/** What the gate of a pod was told to trust. */
async function namedRoot(stage: Stage, pod: string): Promise<string> {
  const path = '{.spec.initContainers[0].env[?(@.name=="SIDEGATE_ROOT")].value}';
  return (await stage.cluster.value('pod', pod, 'agents', path)).trim();
}

function certificates(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

function isOf(pem: string, root: string): boolean {
  return new X509Certificate(pem).verify(new X509Certificate(root).publicKey);
}

interface Shown {
  readonly digest: string;
  readonly pem: string;
}

/** The certificates that operator and store show an agent's pod now. */
function served(stage: Stage): Promise<readonly Shown[]> {
  return Promise.all(
    SERVERS.map(async ({ host }) => {
      const address = `${host}.${SYSTEM}.svc:8443`;
      const { stdout } = await stage.agent(['sh', '-c', `openssl s_client -connect ${address} </dev/null 2>/dev/null`]);
      const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(stdout) ?? [];
      if (pem === undefined) throw new Error(`${address} shows no certificate`);
      return { digest: createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'), pem };
    }),
  );
}
