import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
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
  { folder: 'coredns', ldflags: '-s -w', into: '.', packages: ['sidegate.dev/e2e/coredns'] },
  { folder: 'helm', ldflags: '-s -w', into: '.', packages: ['helm.sh/helm/v4/cmd/helm'] },
];

const here = join(import.meta.dirname, 'programs');

/** Everything that decides what is built. */
function keyOf(module: ProgramModule, goVersion: string): string {
  const hash = createHash('sha256').update(JSON.stringify([module, goVersion]));
  const files = ['go.mod', 'go.sum', 'main.go'].map((file) => join(here, module.folder, file));
  for (const file of files) if (existsSync(file)) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** What cannot be done here, and why. */
export class ClusterUnavailable extends Error {}

function folderOf(module: ProgramModule, key: string): string {
  return join(cacheFolder(), 'cluster', `${module.folder}-${key}`);
}

/** The folder with the programs of Kubernetes when they are built already; undefined when they are not, or cannot be. */
export function builtPrograms(): string | undefined {
  return builtModule('kubernetes');
}

/** Helm, when it is built already. */
export function builtHelm(): string | undefined {
  const folder = builtModule('helm');
  return folder === undefined ? undefined : join(folder, 'helm');
}

function builtModule(name: string): string | undefined {
  const go = findGo();
  const module = MODULES.find(({ folder }) => folder === name);
  if (go === undefined || module === undefined) return undefined;
  const folder = folderOf(module, keyOf(module, go.version));
  return existsSync(folder) ? folder : undefined;
}

/**
 * The folder with every program of a cluster, built where it is missing. The first build takes about ten minutes on two cores; each
 * module's programs are kept by what they are made of.
 */
export function buildPrograms(tell: (line: string) => void): string {
  const go = findGo();
  if (go === undefined)
    throw new ClusterUnavailable(
      'Go 1.26 or newer is needed to build Kubernetes; set KUBECONFIG to use a cluster that is there',
    );
  const keys = MODULES.map((module) => keyOf(module, go.version));
  const all = join(cacheFolder(), 'cluster', createHash('sha256').update(keys.join()).digest('hex').slice(0, 16));
  if (existsSync(all)) return all;
  const fresh = `${all}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  for (const [index, module] of MODULES.entries()) {
    const built = buildModule(module, keys[index] ?? '', go.program, tell);
    const into = join(fresh, module.into);
    mkdirSync(into, { recursive: true });
    for (const program of readdirSync(built)) linkSync(join(built, program), join(into, program));
  }
  buildPause(join(fresh, 'pause'));
  renameSync(fresh, all);
  return all;
}

function buildPause(file: string): void {
  const { status, stderr } = spawnSync('gcc', ['-Os', '-static', '-o', file, join(here, 'pause.c')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new ClusterUnavailable(`pause cannot be built: ${stderr}`);
}

function buildModule(module: ProgramModule, key: string, go: string, tell: (line: string) => void): string {
  const done = folderOf(module, key);
  if (existsSync(done)) return done;
  tell(`building ${module.packages.length} programs of ${module.folder} (kept for the next run)`);
  const fresh = `${done}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const parameters = ['build', '-trimpath', '-ldflags', module.ldflags, '-o', `${fresh}/`, ...module.packages];
  const { status, stderr } = spawnSync(go, parameters, {
    cwd: join(here, module.folder),
    env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status !== 0)
    throw new ClusterUnavailable(`the programs of ${module.folder} cannot be built:\n${stderr.slice(-2000)}`);
  // etcd's main package is named after its major version: the program is called `server` or `v3`.
  for (const name of ['server', 'v3'])
    if (existsSync(join(fresh, name))) renameSync(join(fresh, name), join(fresh, 'etcd'));
  renameSync(fresh, done);
  return done;
}
