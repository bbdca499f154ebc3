import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { Answerer, type PassOn, type SteeredNames } from './answerer.ts';
import { askByTcp, askByUdp, NAME_SERVER_TIMEOUT_MS, type NameServer } from './name-server.ts';
import { framed, MessageReader } from './tcp-message.ts';

const CONNECTIONS_MAX = 64;
/** Questions of one connection that may be open at once; a client that sends more is cut. */
const OPEN_QUESTIONS_MAX = 64;
/** A connection without a question for so long is closed, in milliseconds. */
const IDLE_MS = 30_000;
/** Each server is asked so often by UDP before the answer is that nobody knows. */
const ROUNDS = 2;

export interface ResolverOptions {
  readonly host: string;
  /** 0: any port that is free for both TCP and UDP. */
  readonly port: number;
  /** Asked in this order. */
  readonly upstream: readonly NameServer[];
  /** How long each may take, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
}

/** The pod's name server: on the loopback address, over UDP and TCP. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #answerer = new Answerer();
  readonly #connections = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** From now on these names lead to the gate, and no others. */
  steer(names: SteeredNames): void {
    this.#answerer.steer(names);
  }

  /** Undefined while it is not bound. */
  get port(): number | undefined {
    const address = this.#tcp?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  /** Takes the port, TCP and UDP, or neither. */
  async listen(): Promise<Result<void, Fault<'CannotListen'>>> {
    const tcp = createServer((socket) => this.#serve(socket));
    const { host, port } = this.#options;
    try {
      await bindTcp(tcp, host, port);
      const address = tcp.address();
      const given = typeof address === 'object' && address !== null ? address.port : port;
      this.#udp = await this.#bindUdp(host, given);
    } catch (error) {
      tcp.close();
      const why = error instanceof Error ? error.message : 'unknown reason';
      return fail({ code: 'CannotListen', message: `Names cannot be answered on ${host}:${port}: ${why}.` });
    }
    this.#tcp = tcp;
    return ok(undefined);
  }

  close(): void {
    this.#udp?.close();
    this.#tcp?.close();
    for (const socket of this.#connections) socket.destroy();
    this.#udp = undefined;
    this.#tcp = undefined;
  }

  #bindUdp(host: string, port: number): Promise<UdpSocket> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(port, host, () => {
        socket.off('error', reject);
        // What one client does to its own socket is no trouble of the others.
        socket.on('error', () => {});
        socket.on('message', (bytes, from) => void this.#answerDatagram(socket, bytes, from));
        resolve(socket);
      });
    });
  }

  async #answerDatagram(socket: UdpSocket, bytes: Buffer, { port, address }: RemoteInfo): Promise<void> {
    const answer = await this.#answerer.answer(bytes, this.#passByUdp);
    // Closed in the meantime: the client asks again, of whoever comes then.
    if (answer !== undefined && this.#udp === socket) socket.send(answer, port, address, () => {});
  }

  readonly #passByUdp: PassOn = async (query) => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of this.#options.upstream) {
        const reply = await askByUdp(server, query, this.#timeoutMs);
        if (reply !== undefined) return reply;
      }
    }
    return undefined;
  };

  readonly #passByTcp: PassOn = async (query) => {
    for (const server of this.#options.upstream) {
      const reply = await askByTcp(server, query, this.#timeoutMs);
      if (reply !== undefined) return reply;
    }
    return undefined;
  };

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? NAME_SERVER_TIMEOUT_MS;
  }

  #serve(socket: Socket): void {
    socket.on('error', () => {});
    if (this.#connections.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    const reader = new MessageReader();
    let open = 0;
    socket.on('data', (bytes: Buffer) => {
      for (const message of reader.receive(bytes)) {
        open += 1;
        if (open > OPEN_QUESTIONS_MAX) {
          socket.destroy();
          return;
        }
        void this.#answerer.answer(message, this.#passByTcp).then((answer) => {
          open -= 1;
          if (answer !== undefined && !socket.destroyed) socket.write(framed(answer));
        });
      }
    });
  }
}

function bindTcp(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
