import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeAuthority } from './authority.ts';
import { cgroupRoot, dnsService, nodePrograms, writeNodeConfiguration } from './node-configuration.ts';
import {
  API_SERVER_PORT,
  anyNodeLeft,
  attempt,
  inNode,
  makeNetwork,
  type NodeNetwork,
  networkOf,
  removeNetwork,
  run,
} from './node-network.ts';
import { ClusterUnavailable } from './programs.ts';

const READY_TIMEOUT_MS = 180_000;
/** The kubelet sets these for the whole machine; they are put back when the last node is taken down. */
const MACHINE_SETTINGS = ['vm.overcommit_memory', 'kernel.panic', 'kernel.panic_on_oops', 'net.ipv4.ip_forward'];
const SAVED_SETTINGS = join(tmpdir(), 'sidegate-machine-settings');

/** A one-node cluster as processes of this machine. Everything of it is below `state`. */
export class ClusterNode {
  readonly #state: string;
  readonly #programs: string;
  readonly #network: NodeNetwork;

  constructor(state: string, programs: string) {
    this.#state = state;
    this.#programs = programs;
    this.#network = networkOf(state);
  }

  /** Everything of it is below this folder. */
  get folder(): string {
    return this.#state;
  }

  get kubeconfig(): string {
    return join(this.#state, 'certs', 'admin.kubeconfig');
  }

  get containerdSocket(): string {
    return join(this.#state, 'containerd', 'containerd.sock');
  }

  /** Where the kubelet keeps the files of its pods. */
  get kubeletFolder(): string {
    return join(this.#state, 'kubelet');
  }

  get isUp(): boolean {
    return (
      existsSync(this.kubeconfig) &&
      attempt(
        join(this.#programs, 'kubectl'),
        '--kubeconfig',
        this.kubeconfig,
        'get',
        '--raw',
        '/readyz',
        '--request-timeout=5s',
      )
    );
  }

  /** Resolves when the node is Ready. */
  async up(tell: (line: string) => void): Promise<void> {
    if (process.getuid?.() !== 0)
      throw new ClusterUnavailable('a cluster of processes needs root; set KUBECONFIG to use a cluster that is there');
    writeNodeConfiguration(this.#state, this.#programs);
    if (!existsSync(SAVED_SETTINGS)) {
      const settings = MACHINE_SETTINGS.map((name) => `${name}=${run('sysctl', '-n', name).trim()}`);
      writeFileSync(SAVED_SETTINGS, settings.join('\n'));
    }
    tell('making certificates and the network');
    makeAuthority(join(this.#state, 'certs'), this.#network.node, API_SERVER_PORT);
    makeNetwork(this.#network);
    this.#makeCgroups();
    run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    for (const { name, program, parameters } of nodePrograms(this.#state, this.#programs)) {
      this.start(name, program, parameters);
      // The kubelet ends when it does not find containerd.
      if (name === 'containerd') await this.#untilContainerd();
      if (name === 'kube-apiserver') await this.until('the API server', ['get', '--raw', '/readyz']);
    }
    tell('waiting for the node');
    await this.until('the node', ['wait', '--for=condition=Ready', 'node/node1', '--timeout=2s']);
    await this.until('the default service account', ['get', 'serviceaccount', 'default']);
    this.apply(dnsService(this.#network));
  }

  /** Starts (again) one program of the node, for good: it outlives this process. */
  start(name: string, program?: string, parameters?: readonly string[]): void {
    const known = nodePrograms(this.#state, this.#programs).find((one) => one.name === name);
    const log = openSync(join(this.#state, 'logs', `${name}.log`), 'a');
    const [enter, where] = inNode(this.#network);
    const child = spawn(enter, [where, program ?? known?.program ?? name, ...(parameters ?? known?.parameters ?? [])], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: `${this.#programs}:${process.env.PATH}` },
    });
    child.unref();
    writeFileSync(join(this.#state, `${name}.pid`), String(child.pid));
  }

  /** Ends one program of the node. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const file = join(this.#state, `${name}.pid`);
    if (!existsSync(file)) return;
    const pid = Number(readFileSync(file, 'utf8'));
    for (let tries = 0; tries < 100 && isRunning(pid); tries++) {
      process.kill(pid, tries < 60 ? signal : 'SIGKILL');
      await pause(100);
    }
    rmSync(file);
  }

  /** Runs a program in the node's network. Throws with its words when it fails. */
  inNetwork(...command: readonly string[]): string {
    const [enter, where] = inNode(this.#network);
    return run(enter, where, ...command);
  }

  kubectl(...parameters: readonly string[]): string {
    return run(join(this.#programs, 'kubectl'), '--kubeconfig', this.kubeconfig, ...parameters);
  }

  /** Applies a manifest. Throws with kubectl's words. */
  apply(manifest: string): string {
    const parameters = ['--kubeconfig', this.kubeconfig, 'apply', '-f', '-'];
    const { status, stdout, stderr } = spawnSync(join(this.#programs, 'kubectl'), parameters, {
      input: manifest,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`kubectl apply: ${stderr}`);
    return stdout;
  }

  /** Resolves when the kubectl command succeeds. */
  async until(what: string, parameters: readonly string[]): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!attempt(join(this.#programs, 'kubectl'), '--kubeconfig', this.kubeconfig, ...parameters)) {
      if (Date.now() > deadline)
        throw new Error(
          `${what} did not get ready in ${READY_TIMEOUT_MS / 1000} s; its words are in ${join(this.#state, 'logs')}`,
        );
      await pause(200);
    }
  }

  async #untilContainerd(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!attempt(join(this.#programs, 'ctr'), '-a', this.containerdSocket, 'version')) {
      if (Date.now() > deadline) throw new Error('containerd does not answer');
      await pause(200);
    }
  }

  /** Ends a container's processes at once, as a crash does. The kubelet is not asked. */
  killContainer(id: string): void {
    this.#ctr('tasks', 'kill', '--signal', 'SIGKILL', '--all', id);
  }

  /** The container that holds a pod's namespaces: its id. With it they go, and the kubelet makes the pod's containers anew in others. */
  sandboxOf(pod: string, namespace: string): string {
    const labels = {
      'io.cri-containerd.kind': 'sandbox',
      'io.kubernetes.pod.name': pod,
      'io.kubernetes.pod.namespace': namespace,
    };
    const filter = Object.entries(labels).map(([name, value]) => `labels."${name}"=="${value}"`);
    // One that has ended may still be listed; one that runs has a task.
    const running = this.#ctr('tasks', 'ls')
      .split('\n')
      .filter((line) => line.includes('RUNNING'));
    const found = this.#ctr('containers', 'ls', '-q', filter.join(','))
      .trim()
      .split('\n')
      .find((id) => id !== '' && running.some((line) => line.startsWith(id)));
    if (found === undefined) throw new Error(`the pod ${namespace}/${pod} has no sandbox that runs`);
    return found;
  }

  #ctr(...parameters: readonly string[]): string {
    return run(join(this.#programs, 'ctr'), '-a', this.containerdSocket, '-n', 'k8s.io', ...parameters);
  }

  /** Takes everything down and leaves nothing behind: processes, mounts, the network, machine settings, files. */
  async down(): Promise<void> {
    if (!existsSync(this.#state)) return;
    for (const name of ['coredns', 'kubelet', 'kube-proxy', 'kube-scheduler', 'kube-controller-manager'])
      await this.stop(name);
    for (const pid of this.#containerProcesses()) kill(pid);
    for (const name of ['containerd', 'kube-apiserver', 'etcd']) await this.stop(name);
    for (const pid of this.#containerProcesses()) kill(pid);
    for (const mount of this.#mounts()) attempt('umount', '-l', mount);
    removeNetwork(this.#network);
    if (existsSync(SAVED_SETTINGS) && !anyNodeLeft()) {
      for (const line of readFileSync(SAVED_SETTINGS, 'utf8').split('\n')) attempt('sysctl', '-qw', line);
      rmSync(SAVED_SETTINGS);
    }
    this.#removeCgroups();
    rmSync(this.#state, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  /** The shims carry the state folder in their command line; what they started are their children. */
  #containerProcesses(): readonly number[] {
    const parents = new Map<number, number>();
    const shims = new Set<number>();
    for (const entry of readdirSync('/proc')) {
      const pid = Number(entry);
      if (!Number.isInteger(pid)) continue;
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${this.#state}/containerd`) && pid !== process.pid)
          shims.add(pid);
        parents.set(pid, Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]));
      } catch {
        // It ended while we looked.
      }
    }
    const ours = (pid: number): boolean => shims.has(pid) || (pid > 1 && ours(parents.get(pid) ?? 0));
    return [...parents.keys()].filter(ours);
  }

  #mounts(): readonly string[] {
    const all = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    return all.filter((path) => path.startsWith(`${this.#state}/`)).toReversed();
  }

  /** The kubelet of a further node keeps its pods below a folder of its own in every hierarchy, which it wants to find there. */
  #makeCgroups(): void {
    const root = cgroupRoot(this.#network);
    if (root !== undefined) for (const folder of hierarchies()) mkdirSync(join(folder, root), { recursive: true });
  }

  #removeCgroups(): void {
    const ours = cgroupRoot(this.#network) ?? 'kubepods';
    for (const folder of hierarchies()) {
      const left = join(folder, ours);
      if (existsSync(left)) attempt('find', left, '-depth', '-type', 'd', '-delete');
    }
  }
}

/** The cgroup hierarchies of this machine: one folder each of version 1, the one of version 2. */
function hierarchies(): readonly string[] {
  const all = '/sys/fs/cgroup';
  if (existsSync(join(all, 'cgroup.controllers'))) return [all];
  return existsSync(all) ? readdirSync(all).map((name) => join(all, name)) : [];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  if (isRunning(pid)) process.kill(pid, 'SIGKILL');
}
