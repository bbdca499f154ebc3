import { type ClusterCase, must } from '../case.ts';
import { SYSTEM } from '../cluster-stage.ts';

const KINDS = [
  'validatingadmissionpolicies',
  'mutatingadmissionpolicies',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
];

/** The end, and a new beginning. */
export const UNINSTALL_CASES: readonly ClusterCase[] = [
  {
    name: 'uninstall',
    what: 'helm uninstall leaves no policy or webhook that blocks: a pod of a labelled namespace starts, without a gate',
    needs: ['injected'],
    run: async (stage) => {
      await stage.helm('uninstall', 'sidegate', '--wait');
      for (const kind of KINDS) {
        const names = (await stage.cluster.kubectl('get', kind, '-o', 'name'))
          .split('\n')
          .filter((name) => name !== '');
        const left = names.filter((name) => name.includes('sidegate') && !name.endsWith('/sidegate-parameters'));
        must(left.length === 0, `${kind} are left`, left);
      }
      // The API server forgets what was deleted a moment later.
      await stage.cluster.until('a pod can be made again', async () => {
        await stage.startAgent('free-bot');
        return true;
      });
      const gate = await stage.cluster.value('pod', 'free-bot', 'agents', '{.spec.initContainers}');
      must(gate === '', 'it has a gate', gate);
      await stage.deletePod('free-bot', 'agents', '--grace-period=0', '--force');
    },
  },
  {
    name: 'reinstall',
    what: 'a second installation on the same cluster works like the first',
    needs: ['uninstall'],
    run: async (stage) => {
      await stage.install();
      await stage.cluster.until('the root is known', async () => {
        const root = await stage.cluster.value('configmap', 'sidegate-injection', SYSTEM, '{.data.root\\.crt}');
        return root.includes('BEGIN CERTIFICATE') ? root : undefined;
      });
      // A policy that was made is in force a moment later.
      await stage.cluster.until('a pod gets its gate', async () => {
        await stage.startAgent('second-bot');
        const gate = await stage.cluster.value('pod', 'second-bot', 'agents', '{.spec.initContainers}');
        if (gate !== '') return true;
        await stage.deletePod('second-bot', 'agents', '--grace-period=0', '--force');
        return undefined;
      });
      const { stdout, stderr } = await stage.psql('SELECT ssn FROM customers WHERE id = 1', 'second-bot');
      must(stdout.trim() === '*******4399', 'the row is not masked', stdout + stderr);
      await stage.deletePod('second-bot', 'agents', '--wait=false');
    },
  },
];
