import { type ClusterCase, must } from '../case.ts';
import { type Stage } from '../cluster-stage.ts';

/** Some user of the cluster who may do nothing. */
const NOBODY = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody', namespace: 'default' } };

/** Before anything is installed. */
export const PRE_CHECK_CASES: readonly ClusterCase[] = [
  {
    name: 'check-before',
    what: 'kubectl sidegate check --pre finds nothing wrong for an administrator, and says which rights somebody else lacks',
    run: async (stage) => {
      const { code, stdout, stderr } = await stage.sidegate('check', '--pre');
      must(code === 0 && !/^(?:FAIL|warn)/m.test(stdout), 'it finds something wrong', stdout + stderr);
      must(/^ok .*MutatingAdmissionPolicy/m.test(stdout), 'it does not say how pods get their gate', stdout);
      await stage.cluster.apply(JSON.stringify(NOBODY));
      const token = await stage.cluster.kubectl('create', 'token', 'nobody');
      const other = await stage.sidegateWithToken(token.trim(), 'check', '--pre');
      await stage.cluster.kubectl('delete', 'serviceaccount', 'nobody');
      must(other.code === 1, 'somebody without rights passes', other.stdout + other.stderr);
      must(/^FAIL .*rights.*create/m.test(other.stdout), 'it does not say which right is missing', other.stdout);
    },
  },
];

/** Of an installation that works, and of one that does not. */
export const CHECK_CASES: readonly ClusterCase[] = [
  {
    name: 'check',
    what: 'kubectl sidegate check finds nothing wrong after the installation, and names what is: a Secret that is missing, a guard that is gone',
    needs: ['injected'],
    run: async (stage) => {
      await stage.cluster.until('nothing is wrong', async () => {
        const { code, stdout, stderr } = await stage.sidegate('check');
        if (code === 0 && !stdout.includes('warn ')) return true;
        throw new Error(stdout + stderr);
      });
      await namesTarget(stage);
      await namesGuard(stage);
    },
  },
];

async function namesTarget(stage: Stage): Promise<void> {
  const target = stage.example('target').split('\n---\n')[0] ?? '';
  await stage.cluster.apply(target.replaceAll('orders-db', 'unready-db'));
  try {
    await stage.cluster.until('the Target is named', async () => {
      const { code, stdout } = await stage.sidegate('check');
      return code === 1 && /^FAIL .*data\/unready-db.*unready-db-login/m.test(stdout) ? true : undefined;
    });
  } finally {
    await stage.cluster.kubectl('delete', 'target', 'unready-db', '-n', 'data');
  }
}

async function namesGuard(stage: Stage): Promise<void> {
  const [kind, name] = ['validatingadmissionpolicybinding', 'sidegate-port-forward'] as const;
  const { metadata, ...binding } = await stage.cluster.get(kind, name);
  const { labels, annotations } = Object(metadata);
  await stage.cluster.kubectl('delete', kind, name);
  try {
    const { code, stdout } = await stage.sidegate('check');
    must(code === 1 && /^FAIL .*sidegate-port-forward/m.test(stdout), 'the guard that is gone is not named', stdout);
  } finally {
    const again = JSON.stringify({ ...binding, metadata: { name, labels, annotations } });
    // As Helm made it, so that Helm goes on changing it.
    await stage.cluster.apply(again, '--server-side', '--field-manager=helm');
  }
}
