import { MIRROR, startTcpServer, type TcpServer } from '../../ssh/tcp-server.ts';
import { until } from '../account.ts';
import type { Ran } from '../lane.ts';

/** All of 127/8 leads here on Linux; below this, addresses have other uses. */
const FIRST_ADDRESS = 0x7f01_0000;

/** Where a forward leads, and how the record names it. */
export interface ForwardPlace {
  readonly text: string;
  readonly host: string;
  readonly port: number;
}

/** A server behind the SSH server, which sends back what it hears. Each forward has an address of its own, so that none can stand for another. */
export class ForwardTarget implements AsyncDisposable {
  readonly #server: TcpServer;
  #places = 0;

  private constructor(server: TcpServer) {
    this.#server = server;
  }

  static async start(): Promise<ForwardTarget> {
    return new ForwardTarget(await startTcpServer(MIRROR, '0.0.0.0'));
  }

  /** What a policy must say for it. */
  get rule(): string {
    return `{name: forwards, match: {ssh: {channels: [forward], commands: ['${textOf('127.*', this.#server.port)}']}}, action: Allow}`;
  }

  /** A place that was not given before. */
  next(): ForwardPlace {
    const address = FIRST_ADDRESS + this.#places;
    this.#places += 1;
    const host = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
    const { port } = this.#server;
    return { text: textOf(host, port), host, port };
  }

  /** Every forward that arrived, with all that came of it; once none is open. */
  async ran(): Promise<readonly Ran[]> {
    await until(
      'forwards are still open',
      async () => this.#server.connections().every(({ isOver }) => isOver) || undefined,
    );
    return this.#server.connections().map(({ address, received }) => ({
      text: textOf(address, this.#server.port),
      input: received,
    }));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

function textOf(host: string, port: number): string {
  return `direct-tcpip ${host} ${port}`;
}
