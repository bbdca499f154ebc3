import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { PemPair } from '../certificates/pem-pair.ts';

export interface ControlListener {
  readonly port: number;
  /** New connections get this certificate; the ones that are there stay. */
  replaceCertificate(serving: PemPair): void;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

const MESSAGE_BYTES_MAX = 256 * 1024;
const CONNECTIONS_MAX = 12_000;
/** Connections that wait to be taken: when an operator starts, all gates are at its door at once. */
const BACKLOG = 4_096;

/** Serves gRPC over TLS 1.3; without a certificate in clear, which only tests do. */
export function serveControl(
  routes: (router: ConnectRouter) => void,
  { host, port, serving }: { readonly host: string; readonly port: number; readonly serving?: PemPair },
): Promise<Result<ControlListener, Fault<'CannotListen'>>> {
  const handler = connectNodeAdapter({
    routes,
    grpc: true,
    grpcWeb: false,
    connect: false,
    readMaxBytes: MESSAGE_BYTES_MAX,
    // A snapshot is sent to each gate by itself: compressing each costs more than its bytes do, in time and in memory.
    acceptCompression: [],
  });
  const server: Http2Server | Http2SecureServer =
    serving === undefined
      ? createServer(handler)
      : createSecureServer({ cert: serving.certificate, key: serving.key, minVersion: 'TLSv1.3' }, handler);
  server.maxConnections = CONNECTIONS_MAX;
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  return new Promise((resolve) => {
    server.once('error', (error) => {
      const message = `Nothing can listen on ${host}:${port}: ${error.message}.`;
      resolve(fail({ code: 'CannotListen', message }));
    });
    server.listen({ port, host, backlog: BACKLOG }, () => {
      resolve(
        ok({
          port: (server.address() as AddressInfo).port,
          replaceCertificate({ certificate, key }) {
            if ('setSecureContext' in server)
              server.setSecureContext({ cert: certificate, key, minVersion: 'TLSv1.3' });
          },
          close: () =>
            new Promise((closed) => {
              server.close(() => closed());
              for (const session of sessions) session.destroy();
            }),
        }),
      );
    });
  });
}
