import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { password, startup } from '../sidecar/src/protocols/postgres/testing/frames.ts';
import type { Stage } from './stage.ts';

const READY = 'Z';
const WAIT_MS = 60_000;

/** One message of the server's side as it came. */
export interface Message {
  readonly tag: string;
  readonly body: Buffer;
}

/** An agent that writes the frames it is told to, also those that no driver would, and reads what comes. */
export class WireAgent implements Disposable {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #closed = false;

  constructor(stage: Pick<Stage, 'host' | 'port'>) {
    this.socket = connect(stage.port, stage.host);
    this.socket.on('data', (piece) => {
      this.#bytes = Buffer.concat([this.#bytes, piece]);
    });
    this.socket.on('close', () => {
      this.#closed = true;
    });
    // How it ends is what some tests are about.
    this.socket.on('error', () => undefined);
  }

  /** Connects and logs in with a good token. */
  static async open(stage: Stage): Promise<WireAgent> {
    const agent = new WireAgent(stage);
    agent.send(startup({ user: 'agent', database: stage.postgres.database }), password(await stage.token()));
    await agent.untilReady();
    return agent;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The messages up to the next ReadyForQuery and with it. */
  async untilReady(): Promise<readonly Message[]> {
    const messages: Message[] = [];
    while (messages.at(-1)?.tag !== READY) messages.push(await this.#message());
    return messages;
  }

  /** So many bytes that are no message: answers to requests for encryption. */
  async raw(count: number): Promise<Buffer> {
    await this.#has(count);
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** All bytes that came until the gate closed the connection. */
  async untilClosed(): Promise<Buffer> {
    if (!this.#closed) await once(this.socket, 'close', { signal: AbortSignal.timeout(WAIT_MS) });
    return this.#bytes;
  }

  async #message(): Promise<Message> {
    const head = await this.raw(5);
    return { tag: head.toString('latin1', 0, 1), body: await this.raw(head.readUInt32BE(1) - 4) };
  }

  async #has(count: number): Promise<void> {
    while (this.#bytes.length < count) {
      if (this.#closed) throw new Error(`the connection was closed after: ${this.#bytes.toString('latin1')}`);
      const came = new AbortController();
      const signal = AbortSignal.any([came.signal, AbortSignal.timeout(WAIT_MS)]);
      await Promise.race([once(this.socket, 'data', { signal }), once(this.socket, 'close', { signal })]);
      // The other one listens no longer.
      came.abort();
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** The tags of messages, as one word. */
export function tagsOf(messages: readonly Message[]): string {
  return messages.map(({ tag }) => tag).join('');
}

/** All bodies as text. */
export function textOf(messages: readonly Message[]): string {
  return messages.map(({ body }) => body.toString('latin1')).join('\n');
}
