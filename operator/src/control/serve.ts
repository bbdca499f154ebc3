import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { boundConnections, type Fault, fail, ok, PULSE_MS, type Result, watchPulse } from '@sidegate/crds';
import type { PemPair } from '../certificates/pem-pair.ts';
import { FollowCall, refuseCall } from './follow-call.ts';

export interface ControlListener {
  readonly port: number;
  /** New connections get this certificate; the ones that are there stay. */
  replaceCertificate(serving: PemPair): void;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 12_000;
/** From one address. Each gate has its own, but where a network hides the pods of a node behind the node's. */
const CALLER_CONNECTIONS_MAX = 256;
/** A connection on which nobody is served for so long is cut, in milliseconds: a gate has a stream as long as it is there. */
const UNSERVED_MS = 30_000;
/** Connections that wait to be taken: when an operator starts, all gates are at its door at once. */
const BACKLOG = 4_096;

/** A gate has one stream; while it changes over to a newer one it has two. */
const STREAMS_MAX = 4;
/** As little for each connection as may be: there are thousands, and headers are sent once on each. */
const SETTINGS = {
  settings: { maxConcurrentStreams: STREAMS_MAX, headerTableSize: 0, enablePush: false },
  maxDeflateDynamicTableSize: 0,
};

export interface ControlAddress {
  readonly host: string;
  readonly port: number;
  readonly serving?: PemPair;
  /** How often gates are asked whether they are there. */
  readonly pulseMs?: number;
  readonly unservedMs?: number;
}

/** Serves gRPC over TLS 1.3; without a certificate in clear, which only tests do. `follow` is given each call with its headers. */
export function serveControl(
  follow: (call: FollowCall, headers: IncomingHttpHeaders) => void,
  { host, port, serving, pulseMs = PULSE_MS, unservedMs = UNSERVED_MS }: ControlAddress,
): Promise<Result<ControlListener, Fault<'CannotListen'>>> {
  const server: Http2Server | Http2SecureServer =
    serving === undefined
      ? createServer(SETTINGS)
      : createSecureServer({
          ...SETTINGS,
          cert: serving.certificate,
          key: serving.key,
          minVersion: 'TLSv1.3',
        });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const call = new FollowCall(stream);
    const refused = refuseCall(headers);
    if (refused === undefined) follow(call, headers);
    else call.end(refused);
  });
  server.maxConnections = CONNECTIONS_MAX;
  boundConnections(server, CALLER_CONNECTIONS_MAX);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    watchPulse(session, pulseMs);
    endUnserved(session, unservedMs);
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

function endUnserved(session: ServerHttp2Session, afterMs: number): void {
  let served = 0;
  const later = (): NodeJS.Timeout => setTimeout(() => session.destroy(), afterMs).unref();
  let timer = later();
  session.on('stream', (stream: ServerHttp2Stream) => {
    served += 1;
    clearTimeout(timer);
    stream.once('close', () => {
      served -= 1;
      if (served === 0 && !session.destroyed) timer = later();
    });
  });
  session.on('close', () => clearTimeout(timer));
}
