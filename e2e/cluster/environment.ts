import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../support/programs.ts';
import { Cluster } from './cluster.ts';
import { Stage } from './cluster-stage.ts';
import { ClusterNode } from './node.ts';
import { loadAllImages } from './node-images.ts';
import { DEFAULT_STATE } from './node-network.ts';
import { buildPrograms, ClusterUnavailable } from './programs.ts';

export interface Environment {
  readonly stage: Stage;
  /** Takes down what was brought up here. */
  close(): Promise<void>;
}

/**
 * A cluster to test on: the one that KUBECONFIG names (its nodes must have the images, built by `npm run images -- --tag e2e`), else one of
 * processes of this machine; `reuse` takes the one of processes that is up, as it is. Throws ClusterUnavailable, with the reason, where there is none.
 */
export async function openEnvironment(tell: (line: string) => void, reuse: boolean): Promise<Environment> {
  const state = process.env['SIDEGATE_CLUSTER'] ?? DEFAULT_STATE;
  const given = process.env['KUBECONFIG'];
  if (given !== undefined && given !== '') {
    const [kubectl, helm] = [findProgram('kubectl'), findProgram('helm')];
    if (kubectl === undefined || helm === undefined)
      throw new ClusterUnavailable('kubectl and helm are needed for the cluster that KUBECONFIG names');
    const cluster = new Cluster(kubectl, given);
    return {
      stage: new Stage({ cluster, helm, kubeconfig: given, node: undefined }),
      close: async () => undefined,
    };
  }
  mustHaveAll();
  const programs = buildPrograms(tell);
  const node = new ClusterNode(state, programs);
  if (!(reuse && node.isUp)) {
    await node.down();
    await up(node, tell);
    try {
      await loadAllImages(node, programs, state, tell);
    } catch (error) {
      await node.down();
      throw error;
    }
  }
  const cluster = new Cluster(join(programs, 'kubectl'), node.kubeconfig);
  return {
    stage: new Stage({ cluster, helm: join(programs, 'helm'), kubeconfig: node.kubeconfig, node }),
    close: () => node.down(),
  };
}

/** What the processes of a cluster and the building of images need of the machine. */
const NEEDED = [
  'conntrack',
  'docker',
  'dockerd',
  'gcc',
  'ip',
  'iptables',
  'nsenter',
  'openssl',
  'runc',
  'tar',
] as const;

/** Throws ClusterUnavailable, with the reason, where no cluster of processes can be. */
function mustHaveAll(): void {
  if (process.getuid?.() !== 0) throw new ClusterUnavailable('it needs root');
  const missing = NEEDED.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) throw new ClusterUnavailable(`it needs ${missing.join(', ')}`);
  try {
    const probe = `/sys/fs/cgroup/${existsSync('/sys/fs/cgroup/cpu') ? 'cpu/' : ''}sidegate-probe`;
    mkdirSync(probe);
    rmdirSync(probe);
  } catch (error) {
    throw new ClusterUnavailable(`it needs cgroups: ${error instanceof Error ? error.message : 'no reason is known'}`);
  }
}

/** A machine on which the processes do not come up has no cluster: what they said is in the reason. */
async function up(node: ClusterNode, tell: (line: string) => void): Promise<void> {
  try {
    await node.up(tell);
  } catch (error) {
    await node.down();
    throw new ClusterUnavailable(error instanceof Error ? error.message : 'it does not come up');
  }
}
