import { mkdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** Where a listener listens: an address and port (0: any free one), or a Unix socket. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Listener {
  /** The port that was given; 0 for a Unix socket. */
  readonly port: number;
  close(): void;
}

export type ListenFault = Fault<'CannotListen'>;

function listen(server: Server, where: ListenAddress): Promise<Result<void, ListenFault>> {
  return new Promise((resolve) => {
    const refused = (error: Error): void => {
      const place = 'path' in where ? where.path : `${where.host}:${where.port}`;
      const message = `Cannot listen on ${place}: ${error.message}.`;
      resolve(fail({ code: 'CannotListen', message, mend: 'End what listens there, or choose another address.' }));
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

/** Listens. The folder of a Unix socket is made where it is missing, and a socket file that a killed gate left is replaced. */
export async function openListener(
  where: ListenAddress,
  accept: (socket: Socket) => void,
): Promise<Result<Listener, ListenFault>> {
  const server = createServer((socket) => {
    // A client may be gone before anybody looks at its socket; that is no fault of the gate.
    socket.on('error', () => {});
    accept(socket);
  });
  if ('path' in where) {
    await mkdir(dirname(where.path), { recursive: true }).catch(() => {});
    if (!(await answers(where.path))) await unlink(where.path).catch(() => {});
  }
  const listening = await listen(server, where);
  if (!listening.ok) return listening;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return ok({ port, close: () => void server.close() });
}
