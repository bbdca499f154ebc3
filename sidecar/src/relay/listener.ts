import { mkdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly unixSocket: string | undefined;
  close(): void;
}

type ListenFault = Fault<'CannotListen'>;

function listen(
  server: Server,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Result<void, ListenFault>> {
  return new Promise((resolve) => {
    const refused = (error: Error): void => {
      const place = 'path' in where ? where.path : `${where.host}:${where.port}`;
      resolve(
        fail({
          code: 'CannotListen',
          message: `Cannot listen on ${place}: ${error.message}.`,
          mend: 'End what listens there, or choose another address.',
        }),
      );
    };
    server.once('error', refused);
    server.listen({ ...where, backlog: 1024 }, () => {
      server.off('error', refused);
      resolve(ok(undefined));
    });
  });
}

/** True when some process answers on the socket file: then it is not ours to remove. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Listens on an address and, where a directory is given, on the Unix socket `.s.PGSQL.PORT`-like name that the protocol's clients
 * look for there. A socket file that a killed gate left is replaced.
 */
export async function openListener(
  where: { readonly host: string; readonly port: number; readonly unixDirectory: string | undefined },
  unixName: (port: number) => string,
  accept: (socket: Socket) => void,
): Promise<Result<Listener, ListenFault>> {
  const greet = (socket: Socket): void => {
    // A client may be gone before anybody looks at its socket; that is no fault of the gate.
    socket.on('error', () => {});
    accept(socket);
  };
  const tcp = createServer(greet);
  const listening = await listen(tcp, { host: where.host, port: where.port });
  if (!listening.ok) return listening;
  const address = tcp.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  if (where.unixDirectory === undefined) {
    return ok({ host: where.host, port, unixSocket: undefined, close: () => void tcp.close() });
  }
  const path = join(where.unixDirectory, unixName(port));
  await mkdir(where.unixDirectory, { recursive: true });
  if (!(await answers(path))) await unlink(path).catch(() => {});
  const unix = createServer(greet);
  const onUnix = await listen(unix, { path });
  if (!onUnix.ok) {
    tcp.close();
    return onUnix;
  }
  return ok({
    host: where.host,
    port,
    unixSocket: path,
    close() {
      tcp.close();
      unix.close();
    },
  });
}
