import { createHash, X509Certificate } from 'node:crypto';
import { type ClusterCase, must } from '../case.ts';
import { type Stage, SYSTEM } from '../cluster-stage.ts';
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
        return now.every((one, index) => one !== before[index]) ? now : undefined;
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
];

/** Digests of the certificates that operator and store show an agent's pod now. */
function served(stage: Stage): Promise<readonly string[]> {
  return Promise.all(
    SERVERS.map(async ({ host }) => {
      const address = `${host}.${SYSTEM}.svc:8443`;
      const { stdout } = await stage.agent(['sh', '-c', `openssl s_client -connect ${address} </dev/null 2>/dev/null`]);
      const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(stdout) ?? [];
      if (pem === undefined) throw new Error(`${address} shows no certificate`);
      return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
    }),
  );
}
