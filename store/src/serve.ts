import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { boundConnections, type Fault, fail, ok, PULSE_MS, type Result, watchPulse } from '@sidegate/crds';
import type { Registry } from 'prom-client';
import type { Address } from './config.ts';
import { FRAME_BODY_BYTES_MAX } from './segments/frame.ts';
import type { ServingPair } from './serving-pair.ts';

/** Something that listens, and how to end it. */
export interface Listening {
  /** `http://HOST:PORT`, `https://HOST:PORT`, or a socket's path. */
  readonly where: string;
  /** Lets running calls end; after `signal` aborts they are cut. */
  close(signal: AbortSignal): Promise<void>;
}

export type ListenFault = Fault<'CannotListen' | 'SocketInUse' | 'SocketFolderOpen'>;

/** A message is a chunk and a little around it. */
const MESSAGE_BYTES_MAX = FRAME_BODY_BYTES_MAX + 64 * 1024;

const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTIONS_MAX = 1024;
/** Each gate of a cluster has one. */
const CLUSTER_CONNECTIONS_MAX = 12_000;
/** From one address: an agent that opened thousands would take the memory of all. */
const CALLER_CONNECTIONS_MAX = 256;
const STREAMS_MAX = 128;

/** Serves gRPC without TLS on an address. */
export function serveAddress(
  address: Address,
  routes: (router: ConnectRouter) => void,
): Promise<Result<Listening, ListenFault>> {
  const server = grpcServer(routes);
  return listen(server, { host: address.host, port: address.port }, () => urlOf(server));
}

/** Something that listens with a certificate that can be replaced: new connections get the new one. */
export interface SecureListening extends Listening {
  replaceCertificate(pair: ServingPair): void;
}

/** Serves gRPC over TLS 1.3 on an address. */
export async function serveSecureAddress(
  address: Address,
  pair: ServingPair,
  routes: (router: ConnectRouter) => void,
): Promise<Result<SecureListening, ListenFault>> {
  const server = createSecureServer({ ...HTTP2_OPTIONS, ...secureOptions(pair) }, grpcHandler(routes));
  server.maxConnections = CLUSTER_CONNECTIONS_MAX;
  boundConnections(server, CALLER_CONNECTIONS_MAX);
  const listening = await listen(server, { host: address.host, port: address.port }, () => urlOf(server, 'https'));
  if (!listening.ok) return listening;
  return ok({
    ...listening.value,
    replaceCertificate: (next) => server.setSecureContext(secureOptions(next)),
  });
}

function secureOptions({ certificate, key }: ServingPair): Pick<SecureServerOptions, 'cert' | 'key' | 'minVersion'> {
  return { cert: certificate, key, minVersion: 'TLSv1.3' };
}

/**
 * Serves gRPC on a Unix socket that only this process's user can open: the folder is 0700 and the socket 0600 from its first moment.
 * A socket that a dead process left is replaced; a folder that others may enter is refused.
 */
export async function serveOwnerSocket(
  path: string,
  routes: (router: ConnectRouter) => void,
): Promise<Result<Listening, ListenFault>> {
  const folder = closedFolder(dirname(path));
  if (!folder.ok) return folder;
  if (await answers(path)) {
    const message = 'Another store serves this socket.';
    return fail({ code: 'SocketInUse', message, where: path, mend: 'Stop it, or name another with --owner-socket.' });
  }
  const server = grpcServer(routes);
  const before = process.umask(0o177);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
    return await listen(server, { path }, () => path);
  } finally {
    process.umask(before);
  }
}

/** Serves the metrics at /metrics. */
export function serveMetrics(address: Address, registry: Registry): Promise<Result<Listening, ListenFault>> {
  const server = createHttpServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return listen(server, { host: address.host, port: address.port }, () => urlOf(server));
}

const HTTP2_OPTIONS = { settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: STREAMS_MAX } };

function grpcHandler(routes: (router: ConnectRouter) => void): ReturnType<typeof connectNodeAdapter> {
  return connectNodeAdapter({
    routes,
    grpc: true,
    grpcWeb: false,
    connect: false,
    readMaxBytes: MESSAGE_BYTES_MAX,
    // What is large is packed already, and nobody is to make the store pack or unpack for them.
    acceptCompression: [],
  });
}

function grpcServer(routes: (router: ConnectRouter) => void): Http2Server {
  const server = createServer(HTTP2_OPTIONS, grpcHandler(routes));
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

function urlOf(server: Server | Http2SecureServer, scheme = 'http'): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function listen(
  server: Server,
  at: { readonly host: string; readonly port: number } | { readonly path: string },
  where: () => string,
): Promise<Result<Listening, ListenFault>> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    if ('port' in at) watchPulse(session, PULSE_MS);
    session.on('close', () => sessions.delete(session));
  });
  return new Promise((resolve) => {
    server.once('error', (error) => {
      const place = 'path' in at ? at.path : `${at.host}:${at.port}`;
      resolve(fail({ code: 'CannotListen', message: `Nothing can listen here: ${error.message}.`, where: place }));
    });
    server.listen({ ...at }, () => {
      resolve(ok({ where: where(), close: (signal) => close(server, sessions, signal) }));
    });
  });
}

function close(server: Server, sessions: ReadonlySet<ServerHttp2Session>, signal: AbortSignal): Promise<void> {
  const cut = (): void => {
    for (const session of sessions) session.destroy();
  };
  return new Promise((resolve) => {
    server.close(() => {
      signal.removeEventListener('abort', cut);
      resolve();
    });
    for (const session of sessions) session.close();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
  });
}

function closedFolder(folder: string): Result<void, ListenFault> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = lstatSync(folder);
  if ((mode & 0o077) === 0 && uid === process.getuid?.()) return ok(undefined);
  return fail({
    code: 'SocketFolderOpen',
    message: 'The folder of the owner socket is open to other users.',
    where: folder,
    mend: `Run chmod 700 on it, or name a folder of your own with --owner-socket.`,
  });
}

/** Whether somebody serves the socket now. */
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
