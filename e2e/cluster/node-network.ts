import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of the cluster that is meant when none is named. */
export const DEFAULT_STATE = join(tmpdir(), 'sidegate-cluster');

/** Where the API server listens at the node's address. */
export const API_SERVER_PORT = 6443;

/** A node's own network: a namespace joined to the machine by a pair of virtual interfaces. */
export interface NodeNetwork {
  /** Tells the clusters of one machine apart; 0 is the one in the default folder. */
  readonly number: number;
  readonly namespace: string;
  /** The interface inside the namespace, and the one that the machine has. */
  readonly inside: string;
  readonly outside: string;
  readonly node: string;
  readonly machine: string;
}

/** The network of the cluster in `state`: another folder has another one, so that clusters run side by side. */
export function networkOf(state: string): NodeNetwork {
  const hash = createHash('sha256').update(state).digest().readUInt16BE(0);
  const number = state === DEFAULT_STATE ? 0 : 1 + (hash % 250);
  const ending = number === 0 ? '' : `-${number}`;
  return {
    number,
    namespace: `sidegate-node${ending}`,
    inside: `sgnode${number}`,
    outside: `sghost${number}`,
    node: `10.250.${number}.1`,
    machine: `10.250.${number}.254`,
  };
}

/** The words in front of a command that runs in the node's network. `ip netns exec` would hide the cgroups. */
export function inNode({ namespace }: NodeNetwork): readonly [string, string] {
  return ['nsenter', `--net=/run/netns/${namespace}`];
}

/** Runs a program to its end. Throws with its words when it fails. */
export function run(program: string, ...parameters: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Whether a program ended well. */
export function attempt(program: string, ...parameters: readonly string[]): boolean {
  return spawnSync(program, parameters, { stdio: 'ignore' }).status === 0;
}

export function makeNetwork(network: NodeNetwork): void {
  const { namespace, inside, outside, node, machine } = network;
  const [enter, where] = inNode(network);
  const within = (...parameters: readonly string[]): string => run(enter, where, ...parameters);
  run('ip', 'netns', 'add', namespace);
  run('ip', 'link', 'add', inside, 'type', 'veth', 'peer', 'name', outside);
  run('ip', 'link', 'set', inside, 'netns', namespace);
  run('ip', 'addr', 'add', `${machine}/24`, 'dev', outside);
  run('ip', 'link', 'set', outside, 'up');
  within('ip', 'addr', 'add', `${node}/24`, 'dev', inside);
  within('ip', 'link', 'set', 'lo', 'up');
  within('ip', 'link', 'set', inside, 'up');
  within('ip', 'route', 'add', 'default', 'via', machine, 'dev', inside);
  within('sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

export function removeNetwork({ namespace, outside }: NodeNetwork): void {
  attempt('ip', 'netns', 'delete', namespace);
  attempt('ip', 'link', 'delete', outside);
}

/** Whether the node of any cluster is up on this machine. */
export function anyNodeLeft(): boolean {
  return /^sidegate-node/m.test(run('ip', 'netns', 'list'));
}
