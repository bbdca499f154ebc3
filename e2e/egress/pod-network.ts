import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type LockSettings, lockContainer } from '../../operator/src/injection/egress-lock.ts';
import { GATE_UID } from '../../operator/src/injection/gate-template.ts';
import { whyNoNamespace } from '../support/network-namespace.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';

const SPEAKER = join(import.meta.dirname, 'speaker.ts');

/** Addresses of the pod and of what is outside of it; `listed` are others of the outside, for rules that let them be reached. */
export const ADDRESSES = {
  pod4: '10.77.0.2',
  pod6: 'fd77::2',
  world4: '10.77.0.1',
  world6: 'fd77::1',
  listed4: '10.77.0.9',
  listed6: 'fd77::9',
} as const;

/** Addresses that never leave the pod; the second is one that a Target's door has. */
export const LOOPBACKS: readonly string[] = ['127.0.0.1', '127.64.0.1', '::1'];

/** Why no network namespace with rules can be made here; undefined when it can. */
export function whyNoNamespaces(): string | undefined {
  return whyNoNamespace(['ip', 'nft', 'nsenter'], 'nft add table inet probe');
}

/** Two network namespaces, joined by a pair of virtual interfaces: a pod's, and the one that is everything else. */
export class PodNetwork implements AsyncDisposable {
  readonly #pod = `sidegate-pod-${process.pid}`;
  readonly #world = `sidegate-world-${process.pid}`;

  constructor() {
    const { pod4, pod6, world4, world6, listed4, listed6 } = ADDRESSES;
    for (const namespace of [this.#pod, this.#world]) {
      run('ip', 'netns', 'add', namespace);
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    }
    run('ip', '-n', this.#pod, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#world);
    const places = [
      [this.#pod, [`${pod4}/24`, `${pod6}/64`]],
      [this.#world, [`${world4}/24`, `${world6}/64`, `${listed4}/24`, `${listed6}/64`]],
    ] as const;
    for (const [namespace, addresses] of places) {
      // No address is tentative first.
      for (const address of addresses)
        run('ip', '-n', namespace, 'addr', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    }
  }

  /** Loads the rules of the lock as its container does. */
  lock(settings: Omit<LockSettings, 'image'> = {}): { readonly code: number | null; readonly stderr: string } {
    const { command, args } = lockContainer({ image: 'none', ...settings }, GATE_UID);
    const [nft = ''] = command as readonly string[];
    // The image has none of these files, and nft looks some names up in them.
    const hidden = 'for name in protocols services passwd group; do mount --bind /dev/null /etc/$name; done; exec "$@"';
    return this.#inPod(
      'unshare',
      '-m',
      'sh',
      '-c',
      hidden,
      'sh',
      findProgram('nft') ?? nft,
      ...(args as readonly string[]),
    );
  }

  unlock(): void {
    this.#inPod('nft', 'flush ruleset');
  }

  rules(): string {
    return this.#inPod('nft', 'list ruleset').stdout;
  }

  /** What became of one word of a user in the pod, or outside of it. */
  speak(uid: number, ...words: readonly (string | number)[]): string {
    return this.#inPod(process.execPath, SPEAKER, String(uid), ...words.map(String)).stdout.trim();
  }

  speakFromOutside(...words: readonly (string | number)[]): string {
    return inside(this.#world, process.execPath, SPEAKER, '0', ...words.map(String)).stdout.trim();
  }

  /** Servers that say back what they hear; resolves when they listen. */
  async serve(where: 'pod' | 'world', uid: number): Promise<RunningProcess> {
    const { pod4, pod6, world4, world6, listed4, listed6 } = ADDRESSES;
    const [namespace, addresses] =
      where === 'pod' ? [this.#pod, [...LOOPBACKS, pod4, pod6]] : [this.#world, [world4, world6, listed4, listed6]];
    const words = [process.execPath, SPEAKER, String(uid), 'serve', ...addresses];
    const server = startProcess('nsenter', [...into(namespace), ...words]);
    await server.line(/^listening$/);
    return server;
  }

  #inPod(program: string, ...parameters: readonly string[]) {
    return inside(this.#pod, program, ...parameters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const namespace of [this.#pod, this.#world]) run('ip', 'netns', 'delete', namespace);
  }
}

function into(namespace: string): readonly string[] {
  return [`--net=/run/netns/${namespace}`];
}

function inside(namespace: string, program: string, ...parameters: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('nsenter', [...into(namespace), program, ...parameters], {
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

function run(program: string, ...parameters: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, parameters, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${error?.message ?? stderr}`);
}
