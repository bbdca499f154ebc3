import type { ClusterNode } from './node.ts';

/** Packets that vanish without a word, until it is disposed of. Of the node's network alone. */
export class PacketLoss implements Disposable {
  readonly #node: ClusterNode;
  readonly #rules: (readonly string[])[] = [];

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  /** Silences the connections that these pods have now to a port of the node; new ones work. Gives their number. */
  silence(pods: readonly string[], port: number): number {
    const listed = this.#node.inNetwork('ss', '-Htn', 'state', 'established', `sport = :${port}`);
    const peers = listed.split('\n').map((line) => line.trim().split(/\s+/).at(-1) ?? '');
    const ours = peers.filter((peer) => pods.some((pod) => peer.startsWith(`${pod}:`)));
    for (const peer of ours) {
      const [address = '', peerPort = ''] = peer.split(':');
      this.#drop('INPUT', '-p', 'tcp', '-s', address, '--sport', peerPort, '--dport', String(port));
      this.#drop('OUTPUT', '-p', 'tcp', '-d', address, '--sport', String(port), '--dport', peerPort);
    }
    return ours.length;
  }

  /** Nothing that a pod sends leaves the node's bridge any more. */
  cutOff(pod: string): void {
    for (const chain of ['INPUT', 'FORWARD']) this.#drop(chain, '-s', pod);
  }

  [Symbol.dispose](): void {
    for (const [chain = '', ...rule] of this.#rules.splice(0)) this.#iptables('-D', chain, rule);
  }

  #drop(chain: string, ...match: readonly string[]): void {
    const rule = [...match, '-j', 'DROP'];
    this.#iptables('-I', chain, rule);
    this.#rules.push([chain, ...rule]);
  }

  #iptables(what: '-I' | '-D', chain: string, rule: readonly string[]): void {
    this.#node.inNetwork('iptables', '-w', what, chain, ...rule);
  }
}
