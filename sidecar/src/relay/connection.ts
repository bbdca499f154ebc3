import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { networkError } from '@sidegate/crds';
import { concatenate } from '../concatenate.ts';
import type { GatedSession } from '../gate/gated-session.ts';
import type { Wires } from '../gate/wires.ts';
import type { Refusal, SecuredChannel, Transport, TransportEnd } from '../protocols/protocol.ts';
import { DIAL_TIMEOUT_MS, dial, secure, type TargetAddress } from './target-address.ts';

/** How long a peer may take to read the last bytes before its socket is destroyed, in milliseconds. */
const LAST_BYTES_TIMEOUT_MS = 5_000;

/** Up to so many bytes are copied together for one write. */
const JOINED_BYTES_MAX = 16 * 1024;

export interface ConnectionOptions {
  readonly target: TargetAddress;
  /** What is shown to agents that ask for TLS; undefined when the gate has no certificate. */
  readonly agentTls: (() => Promise<SecureContext>) | undefined;
  /** The protocol's own encryption, where it has one. */
  readonly transport?: (side: 'Agent' | 'Target', end: TransportEnd) => Transport | undefined;
  /** Told of all bytes that sockets gave, once they were dealt with. */
  readonly passed: (bytes: number) => void;
  /** A throw is a bug: it ends this connection and is reported. */
  readonly bug: (error: unknown) => void;
}

/**
 * The agent's socket and the target's: the only place that reads and writes them. A side that cannot take more pauses the other,
 * so a slow reader costs one socket buffer and not memory.
 */
export class Connection implements Wires {
  readonly #options: ConnectionOptions;
  #agent: Socket;
  #target: Socket | undefined;
  #session: GatedSession | undefined;
  #held = false;
  #closing = false;
  readonly #full = { agent: false, target: false };
  /** More for this side would only be kept until it has new keys. */
  readonly #keyless = { agent: false, target: false };
  #agentHeld = false;
  /** What is sent gathers until `uncork`, or until something else must follow it. */
  #corked = false;
  #toAgent: Uint8Array[] = [];
  #toTarget: Uint8Array[] = [];
  #agentTransport: Transport | undefined;
  #targetTransport: Transport | undefined;

  constructor(agent: Socket, options: ConnectionOptions) {
    this.#options = options;
    this.#agent = agent;
    agent.setNoDelay(true);
    agent.setKeepAlive(true, 30_000);
  }

  /** Starts reading: from here on all that the agent sends goes to `session`. */
  attach(session: GatedSession): void {
    this.#session = session;
    this.#agentTransport = this.#openTransport('Agent');
    this.#readAgent(this.#agent);
    this.#guard(() => this.#agentTransport?.start());
  }

  sendAgent(bytes: Uint8Array): void {
    if (this.#agentTransport !== undefined) this.#corkedFor(() => this.#agentTransport?.send(bytes));
    else this.#writeAgent(bytes);
  }

  #writeAgent(bytes: Uint8Array): void {
    if (this.#corked) this.#toAgent.push(bytes);
    else if (!this.#agent.destroyed && !this.#agent.write(bytes)) this.#agentIsFull();
  }

  sendTarget(bytes: Uint8Array): void {
    if (this.#targetTransport !== undefined) this.#corkedFor(() => this.#targetTransport?.send(bytes));
    else this.#writeTarget(bytes);
  }

  #writeTarget(bytes: Uint8Array): void {
    const target = this.#target;
    if (this.#corked) this.#toTarget.push(bytes);
    else if (target !== undefined && !target.destroyed && !target.write(bytes)) this.#targetIsFull();
  }

  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#toAgent.length > 0) {
      const parts = this.#toAgent;
      this.#toAgent = [];
      if (!writeAll(this.#agent, parts)) this.#agentIsFull();
    }
    if (this.#toTarget.length > 0) {
      const parts = this.#toTarget;
      this.#toTarget = [];
      if (this.#target !== undefined && !writeAll(this.#target, parts)) this.#targetIsFull();
    }
  }

  #agentIsFull(): void {
    this.#full.agent = true;
    this.#target?.pause();
  }

  #targetIsFull(): void {
    this.#full.target = true;
    this.#agent.pause();
  }

  holdReading(): void {
    this.#held = true;
    this.#agent.pause();
    this.#target?.pause();
  }

  resumeReading(): void {
    this.#held = false;
    this.#resume();
  }

  holdAgent(): void {
    this.#agentHeld = true;
    this.#agent.pause();
  }

  resumeAgent(): void {
    this.#agentHeld = false;
    this.#resume();
  }

  get isAgentUnread(): boolean {
    return this.#agent.isPaused() && !this.#full.agent;
  }

  get unsentBytes(): number {
    return this.#agent.writableLength + (this.#agentTransport?.waitingBytes ?? 0);
  }

  startAgentTls(received: Uint8Array | undefined): void {
    this.#flush();
    const { agentTls } = this.#options;
    if (agentTls === undefined) throw new Error('the agent was offered TLS without a certificate');
    const plain = this.#agent;
    plain.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
    plain.pause();
    if (received !== undefined) plain.unshift(received);
    void agentTls().then(
      (secureContext) => {
        if (this.#closing || plain.destroyed) return;
        const secured = new TLSSocket(plain, {
          isServer: true,
          secureContext,
          ALPNProtocols: [...this.#options.target.alpn],
        });
        this.#agent = secured;
        secured.once('secure', () => this.#guard(() => this.#session?.agentSecured()));
        this.#readAgent(secured);
        secured.resume();
      },
      (error) => this.#fail(error),
    );
  }

  dialTarget(): void {
    const { target: address } = this.#options;
    const target = dial(address);
    this.#target = target;
    const unavailable = (why: string): void => this.#targetUnavailable(`${address.host}:${address.port} ${why}`);
    const timeout = setTimeout(() => target.destroy(new Error('did not answer in time')), DIAL_TIMEOUT_MS);
    const refused = (error: Error): void => {
      clearTimeout(timeout);
      unavailable(`cannot be reached: ${networkError(error)}.`);
    };
    target.once('error', refused);
    target.once('connect', () => {
      clearTimeout(timeout);
      target.off('error', refused);
      this.#targetTransport = this.#openTransport('Target');
      this.#readTarget(target);
      this.#guard(() => this.#session?.targetConnected());
    });
  }

  startTargetTls(): void {
    this.#flush();
    const plain = this.#target;
    if (plain === undefined) throw new Error('TLS with a target that was not dialled');
    if (this.#targetTransport !== undefined) return this.#targetTransport.start();
    plain.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
    const secured = secure(plain, this.#options.target);
    this.#target = secured;
    const refused = (error: Error): void => {
      const { host, port } = this.#options.target;
      this.#targetUnavailable(`${host}:${port} does not prove who it is: ${networkError(error)}.`);
    };
    secured.once('error', refused);
    secured.once('secureConnect', () => {
      secured.off('error', refused);
      this.#readTarget(secured);
      this.#guard(() => this.#session?.targetSecured());
    });
  }

  close(lastBytesMs: number = LAST_BYTES_TIMEOUT_MS): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#flush();
    this.#agentTransport?.close();
    this.#targetTransport?.close();
    for (const socket of [this.#agent, this.#target]) {
      if (socket === undefined) continue;
      socket.removeAllListeners('data');
      socket.on('error', () => {});
      socket.resume();
      socket.destroySoon();
      const timeout = setTimeout(() => socket.destroy(), lastBytesMs).unref();
      socket.once('close', () => clearTimeout(timeout));
    }
  }

  sendCancel(bytes: Uint8Array, over: () => void = () => {}): void {
    const socket = dial(this.#options.target);
    socket.setTimeout(DIAL_TIMEOUT_MS, () => socket.destroy());
    // PostgreSQL closes the connection without an answer; a cancel that cannot be sent is only a cancel that came too late.
    socket.on('error', () => {});
    socket.once('connect', () => socket.end(bytes));
    socket.once('close', () => this.#guard(over));
    socket.resume();
  }

  /** The parts in which a transport writes a packet, and what it answers by itself, leave in one write. */
  #corkedFor(act: () => void): void {
    const isWithin = this.#corked;
    if (!isWithin) this.cork();
    try {
      act();
    } finally {
      if (!isWithin) this.uncork();
    }
    this.#waitForKeys();
  }

  /**
   * A peer that does not finish its exchange of keys costs no memory: the other side is not read meanwhile. Where both wait both are read, or neither would
   * get its keys.
   */
  #waitForKeys(): void {
    const keyless = this.#keyless;
    const agent = (this.#agentTransport?.waitingBytes ?? 0) > 0;
    const target = (this.#targetTransport?.waitingBytes ?? 0) > 0;
    const [isAgent, isTarget] = [agent && !target, target && !agent];
    if (isAgent === keyless.agent && isTarget === keyless.target) return;
    keyless.agent = isAgent;
    keyless.target = isTarget;
    if (isAgent) this.#target?.pause();
    if (isTarget) this.#agent.pause();
    this.#resume();
  }

  #openTransport(side: 'Agent' | 'Target'): Transport | undefined {
    const isAgent = side === 'Agent';
    return this.#options.transport?.(side, {
      write: (bytes) => (isAgent ? this.#writeAgent(bytes) : this.#writeTarget(bytes)),
      receive: (frames) => (isAgent ? this.#session?.receiveAgent(frames) : this.#session?.receiveTarget(frames)),
      secured: (channel: SecuredChannel) =>
        isAgent ? this.#session?.agentSecured(channel) : this.#session?.targetSecured(channel),
      failed: (reason) => {
        if (isAgent) this.#session?.terminate(brokenProtocol(reason), 'Fault');
        else this.#targetUnavailable(`${this.#options.target.host}:${this.#options.target.port}: ${reason}`);
      },
    });
  }

  #readAgent(agent: Socket): void {
    agent.on('data', (bytes: Buffer) => {
      this.#guard(() =>
        this.#agentTransport === undefined
          ? this.#session?.receiveAgent(bytes)
          : this.#corkedFor(() => this.#agentTransport?.receive(bytes)),
      );
      this.#options.passed(bytes.length);
    });
    agent.on('drain', () => {
      this.#full.agent = false;
      this.#resume();
    });
    agent.on('error', () => {});
    const left = (): void => this.#guard(() => this.#session?.agentLeft());
    agent.once('end', left);
    agent.once('close', left);
  }

  #readTarget(target: Socket): void {
    target.on('data', (bytes: Buffer) => {
      this.#guard(() =>
        this.#targetTransport === undefined
          ? this.#session?.receiveTarget(bytes)
          : this.#corkedFor(() => this.#targetTransport?.receive(bytes)),
      );
      this.#options.passed(bytes.length);
    });
    target.on('drain', () => {
      this.#full.target = false;
      this.#resume();
    });
    target.once('error', (error) =>
      this.#guard(() => this.#session?.targetLeft(`The target broke the connection: ${networkError(error)}.`)),
    );
    const left = (): void => this.#guard(() => this.#session?.targetLeft('The target closed the connection.'));
    target.once('end', left);
    target.once('close', left);
  }

  #resume(): void {
    if (this.#held) return;
    if (!this.#full.target && !this.#keyless.target && !this.#agentHeld) this.#agent.resume();
    if (!this.#full.agent && !this.#keyless.agent) this.#target?.resume();
  }

  #targetUnavailable(reason: string): void {
    const hint = 'Look whether the target is up and the Target resource names the right host, port and authorities.';
    this.#guard(() =>
      this.#session?.terminate({ kind: 'TargetUnavailable', rule: 'target', reason, hint }, 'TargetLeft'),
    );
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#options.bug(error);
    const refusal = {
      kind: 'Terminated',
      rule: 'fault',
      reason: 'The gate found a fault of its own.',
      hint: 'Connect again; the fault was reported.',
    } as const;
    try {
      this.#session?.terminate(refusal, 'Fault');
    } catch (second) {
      this.#options.bug(second);
    }
    this.close();
  }
}

function brokenProtocol(why: string): Refusal {
  return { kind: 'Terminated', rule: 'protocol', reason: `The agent breaks the protocol: ${why}`, hint: '' };
}

/** Writes all of `parts`, a few bytes as one: a write of many costs more than a copy. False when the socket takes no more. */
function writeAll(socket: Socket, parts: readonly Uint8Array[]): boolean {
  if (socket.destroyed) return true;
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return socket.write(only);
  let length = 0;
  for (const part of parts) length += part.length;
  if (length <= JOINED_BYTES_MAX) return socket.write(concatenate(parts));
  let takesMore = true;
  socket.cork();
  for (const part of parts) takesMore = socket.write(part);
  socket.uncork();
  return takesMore;
}
