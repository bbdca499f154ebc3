import { createServer, type Socket } from 'node:net';

/** A TCP server of a test's own on loopback, and what reached it. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly count: number;
  /** What each connection has sent so far, in the order in which they came. */
  received(): readonly Buffer[];
  /** Ends all connections at once. */
  drop(): void;
}

/** Says what it does with a connection: it may write, and is told all that came once the peer has ended its direction. */
export interface TcpManner {
  readonly begin?: (socket: Socket) => void;
  readonly ended?: (socket: Socket, received: Buffer) => void;
}

/** Gives back what it was sent, once that has ended: nothing comes back where an end does not pass by itself. */
export const ECHO: TcpManner = { ended: (socket, received) => void socket.end(received) };

/** Speaks first and ends its own direction at once, then listens. */
export const GREETER: TcpManner = { begin: (socket) => void socket.end('hello\n') };

/** Speaks first, and waits. */
export const SPEAKER: TcpManner = { begin: (socket) => void socket.write('hello\n') };

export async function startTcpServer(manner: TcpManner, host = '127.0.0.1', port = 0): Promise<TcpServer> {
  const sockets: Socket[] = [];
  const received: Buffer[][] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const parts: Buffer[] = [];
    sockets.push(socket);
    received.push(parts);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => void parts.push(bytes));
    socket.on('end', () => manner.ended?.(socket, Buffer.concat(parts)));
    manner.begin?.(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address and a port');
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    get count() {
      return sockets.length;
    },
    received: () => received.map((parts) => Buffer.concat(parts)),
    drop,
    [Symbol.asyncDispose]: async () => {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
