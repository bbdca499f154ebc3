import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertNever } from '@sidegate/crds';
import { findProgram } from '../support/programs.ts';
import { Cluster } from './cluster.ts';
import { Stage } from './cluster-stage.ts';
import { environmentChoices } from './environment-choice.ts';
import { openKind } from './kind.ts';
import { ClusterNode } from './node.ts';
import { archiveAllImages, loadAllImages } from './node-images.ts';
import { DEFAULT_STATE } from './node-network.ts';
import { buildPrograms, builtHelm, builtPrograms, ClusterUnavailable } from './programs.ts';

export interface Environment {
  readonly stage: Stage;
  /** Takes down what was brought up here. */
  close(): Promise<void>;
}

/**
 * A cluster to test on: the one that KUBECONFIG names (its nodes must have the images of `npm run cluster -- images FILE`), else one of kind where
 * there is kind and Docker can pull, else one of processes of this machine; `reuse` takes the one of processes that is up, as it is. Throws
 * ClusterUnavailable, with the reason, where there is none.
 */
export async function openEnvironment(tell: (line: string) => void, reuse: boolean): Promise<Environment> {
  const state = process.env['SIDEGATE_CLUSTER'] ?? DEFAULT_STATE;
  const kind = findProgram('kind');
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  const choices = environmentChoices({
    kubeconfig,
    processesAreReused: reuse && isUp(state),
    hasKind: kind !== undefined,
    dockerAnswers: kind !== undefined && spawnSync('docker', ['version'], { stdio: 'ignore' }).status === 0,
  });
  for (const choice of choices) {
    switch (choice) {
      case 'Given':
        tell(`the cluster is that of ${kubeconfig}`);
        return outside(kubeconfig, async () => undefined);
      case 'Kind': {
        const opened = await openKind(kind ?? '', (file) => archiveAllImages(file, tell));
        if (opened.ok) return outside(opened.value.kubeconfig, () => opened.value.down());
        tell(`the cluster is not of kind: ${opened.fault}`);
        continue;
      }
      case 'Processes':
        return await ofProcesses(state, reuse, tell);
      default:
        return assertNever(choice);
    }
  }
  throw new ClusterUnavailable('no kind of cluster is left to try');
}

/** Also programs that were built for a cluster of processes will do. */
function outside(kubeconfig: string, close: () => Promise<void>): Environment {
  const built = builtPrograms();
  const kubectl = findProgram('kubectl') ?? (built === undefined ? undefined : join(built, 'kubectl'));
  const helm = findProgram('helm') ?? builtHelm();
  if (kubectl === undefined || helm === undefined)
    throw new ClusterUnavailable('kubectl and helm are needed for a cluster that is not of processes of this machine');
  const cluster = new Cluster(kubectl, kubeconfig);
  return { stage: new Stage({ cluster, helm, kubeconfig, node: undefined }), close };
}

/** Without building its programs: what was never built is not up. */
function isUp(state: string): boolean {
  const programs = builtPrograms();
  return programs !== undefined && new ClusterNode(state, programs).isUp;
}

async function ofProcesses(state: string, reuse: boolean, tell: (line: string) => void): Promise<Environment> {
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
