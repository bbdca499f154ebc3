import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../support/cache-folder.ts';
import { findGo } from '../support/go.ts';

export const KUBERNETES_VERSION = 'v1.36.3';

/** One Go module of its own: the programs' dependencies clash, so they cannot share one. */
interface ProgramModule {
  readonly folder: string;
  readonly ldflags: string;
  /** Below the folder of all programs. */
  readonly into: string;
  readonly packages: readonly string[];
}

const VERSION_PACKAGE = 'k8s.io/component-base/version';
const PLUGINS = 'github.com/containernetworking/plugins/plugins';
const CONTAINERD = 'github.com/containerd/containerd/v2/cmd';

const MODULES: readonly ProgramModule[] = [
  {
    folder: 'kubernetes',
    ldflags: `-s -w -X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION} -X ${VERSION_PACKAGE}.gitMajor=1 -X ${VERSION_PACKAGE}.gitMinor=36`,
    into: '.',
    packages: [
      ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'].map(
        (name) => `k8s.io/kubernetes/cmd/${name}`,
      ),
      'go.etcd.io/etcd/server/v3',
    ],
  },
  {
    folder: 'containerd',
    ldflags: '-s -w',
    into: '.',
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => `${CONTAINERD}/${name}`),
  },
  {
    folder: 'network',
    ldflags: '-s -w',
    into: 'cni',
    packages: ['main/bridge', 'main/loopback', 'ipam/host-local', 'meta/portmap'].map((name) => `${PLUGINS}/${name}`),
  },
  { folder: 'helm', ldflags: '-s -w', into: '.', packages: ['helm.sh/helm/v4/cmd/helm'] },
];

const here = join(import.meta.dirname, 'programs');

/** Everything that decides what is built. */
function keyOf(module: ProgramModule, goVersion: string): string {
  const hash = createHash('sha256').update(JSON.stringify([module, goVersion]));
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(here, module.folder, file)));
  return hash.digest('hex').slice(0, 16);
}

/** What cannot be done here, and why. */
export class ClusterUnavailable extends Error {}

function folderOf(keys: readonly string[]): string {
  return join(cacheFolder(), 'cluster', createHash('sha256').update(keys.join()).digest('hex').slice(0, 16));
}

/** The folder with the programs of Kubernetes when they are built already; undefined when they are not, or cannot be. */
export function builtPrograms(): string | undefined {
  const go = findGo();
  if (go === undefined) return undefined;
  const keys = MODULES.map((module) => keyOf(module, go.version));
  const folder = folderOf(keys);
  const index = MODULES.findIndex((module) => module.folder === 'kubernetes');
  return existsSync(join(folder, `.kubernetes-${keys[index]}`)) ? folder : undefined;
}

/**
 * The folder with every program of a cluster, built where it is missing. The first build takes about ten minutes on two cores; it is
 * kept by what it is made of.
 */
export function buildPrograms(tell: (line: string) => void): string {
  const go = findGo();
  if (go === undefined)
    throw new ClusterUnavailable(
      'Go 1.26 or newer is needed to build Kubernetes; set KUBECONFIG to use a cluster that is there',
    );
  const keys = MODULES.map((module) => keyOf(module, go.version));
  const folder = folderOf(keys);
  const pause = join(folder, 'pause');
  for (const [index, module] of MODULES.entries()) buildModule(module, keys[index] ?? '', folder, go.program, tell);
  if (!existsSync(pause)) {
    const { status, stderr } = spawnSync('gcc', ['-Os', '-static', '-o', pause, join(here, 'pause.c')], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new ClusterUnavailable(`pause cannot be built: ${stderr}`);
  }
  return folder;
}

function buildModule(
  module: ProgramModule,
  key: string,
  folder: string,
  go: string,
  tell: (line: string) => void,
): void {
  const done = join(folder, `.${module.folder}-${key}`);
  if (existsSync(done)) return;
  tell(`building ${module.packages.length} programs of ${module.folder} (kept for the next run)`);
  const into = join(folder, module.into);
  const fresh = join(folder, `.new-${module.folder}`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  mkdirSync(into, { recursive: true });
  const parameters = ['build', '-trimpath', '-ldflags', module.ldflags, '-o', `${fresh}/`, ...module.packages];
  const { status, stderr } = spawnSync(go, parameters, {
    cwd: join(here, module.folder),
    env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0)
    throw new ClusterUnavailable(`the programs of ${module.folder} cannot be built:\n${stderr.slice(-2000)}`);
  for (const each of module.packages) {
    // etcd's main package is named after its major version: the program is called `server`.
    const built = each.endsWith('/v3') ? 'server' : (each.split('/').at(-1) ?? each);
    const from = join(fresh, existsSync(join(fresh, built)) ? built : 'v3');
    const to = join(into, each.startsWith('go.etcd.io') ? 'etcd' : built);
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
  rmSync(fresh, { recursive: true });
  writeFileSync(done, '');
}
