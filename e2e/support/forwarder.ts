import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import type { Certificates } from './certificates.ts';

/** A port that stays while what is behind it comes and goes; with certificates it speaks TLS in front of what does not. */
export interface Forwarder extends AsyncDisposable {
  readonly port: number;
  /** Undefined: nobody is there. Connections that are open end. */
  leadTo(port: number | undefined): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startForwarder(certificates?: Pick<Certificates, 'certificate' | 'key'>): Promise<Forwarder> {
  let target: number | undefined;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };
  const accept = (socket: Socket): void => {
    keep(socket);
    if (target === undefined) {
      socket.destroy();
      return;
    }
    const behind = connect(target, '127.0.0.1');
    keep(behind);
    socket.pipe(behind).pipe(socket);
    socket.once('close', () => behind.destroy());
    behind.once('close', () => socket.destroy());
  };
  const server: Server =
    certificates === undefined
      ? createServer(accept)
      : createSecureServer({ cert: certificates.certificate, key: certificates.key, ALPNProtocols: ['h2'] }, accept);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address and a port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    leadTo(port) {
      target = port;
      cut();
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
