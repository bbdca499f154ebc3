import { createServer, type Socket } from 'node:net';

/** A connection to such a server. */
export interface TcpConnection {
  /** The server's own address that the client asked for. */
  readonly address: string;
  /** What the client has sent so far. */
  readonly received: Buffer;
  readonly isOver: boolean;
}

/** A TCP server of a test's own on loopback, and what reached it. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly count: number;
  /** All so far, in the order in which they came. */
  connections(): readonly TcpConnection[];
  /** What each of them has sent so far. */
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

/** Gives back all that comes as it comes, and reads no faster than that is taken. */
export const MIRROR: TcpManner = { begin: (socket) => void socket.pipe(socket) };

export async function startTcpServer(manner: TcpManner, host = '127.0.0.1', port = 0): Promise<TcpServer> {
  const sockets: Socket[] = [];
  const connections: TcpConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const parts: Buffer[] = [];
    // The socket itself forgets it once it is closed.
    const { localAddress: address = '' } = socket;
    let isOver = false;
    sockets.push(socket);
    connections.push({
      address,
      get received() {
        return Buffer.concat(parts);
      },
      get isOver() {
        return isOver;
      },
    });
    socket.once('close', () => {
      isOver = true;
    });
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
    connections: () => connections,
    received: () => connections.map(({ received }) => received),
    drop,
    [Symbol.asyncDispose]: async () => {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
