import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cacheFolder } from '../support/cache-folder.ts';
import { run } from './node.ts';
import { PAUSE_IMAGE } from './node-configuration.ts';

/** A Docker daemon of this run's own: it builds images and runs nothing. */
export class ImageBuilder implements AsyncDisposable {
  readonly #folder: string;
  #daemon: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get host(): string {
    return `unix://${join(this.#folder, 'docker.sock')}`;
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(join(this.#folder, 'dockerd.log'), 'a');
    const flags = ['--iptables=false', '--ip6tables=false', '--bridge=none', '-H', this.host];
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
    throw new Error(`dockerd does not answer; its words are in ${join(this.#folder, 'dockerd.log')}`);
  }

  docker(...parameters: readonly string[]): string {
    return run('docker', '-H', this.host, ...parameters);
  }

  /** A tar archive of the image, for containerd. */
  save(image: string, file: string): void {
    this.docker('save', '-o', file, image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      daemon.once('exit', () => resolve());
      daemon.kill('SIGTERM');
    });
  }
}

/** Debian's minimal system with what agents in tests use, as a tar archive that is made once and kept. */
export function debianArchive(packages: readonly string[], tell: (line: string) => void): string {
  const key = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 16);
  const archive = join(cacheFolder(), 'images', `debian-${key}.tar`);
  if (existsSync(archive)) return archive;
  tell('making a base image with debootstrap (kept for the next run)');
  const root = `${archive}.root`;
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const include = packages.length === 0 ? [] : [`--include=${packages.join(',')}`];
  run('debootstrap', '--variant=minbase', ...include, 'bookworm', root);
  run('tar', '-C', root, '-cf', `${archive}.new`, '.');
  run('mv', `${archive}.new`, archive);
  rmSync(root, { recursive: true });
  return archive;
}

/** The image that holds a pod's namespaces, as an archive. */
export function pauseArchive(programs: string, builder: ImageBuilder, folder: string): string {
  const context = join(folder, 'pause');
  mkdirSync(context, { recursive: true });
  cpSync(join(programs, 'pause'), join(context, 'pause'));
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
  builder.docker('build', '-q', '--network', 'host', '-t', PAUSE_IMAGE, context);
  const archive = join(folder, 'pause.tar');
  builder.save(PAUSE_IMAGE, archive);
  return archive;
}

/** Loads an archive into the node. */
export function loadImage(programs: string, containerdSocket: string, archive: string): void {
  run(join(programs, 'ctr'), '-a', containerdSocket, '-n', 'k8s.io', 'images', 'import', archive);
}
