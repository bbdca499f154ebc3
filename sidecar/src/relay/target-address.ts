import { connect as connectPlain, type LookupFunction, type Socket } from 'node:net';
import { connect as connectSecure, type TLSSocket } from 'node:tls';
import type { TlsMode } from '@sidegate/crds';

/** Where a target is and how sure the gate must be that it is the one. */
export interface TargetAddress {
  readonly host: string;
  readonly port: number;
  readonly tlsMode: TlsMode;
  /** PEM; empty: the system's authorities. */
  readonly authorities: readonly string[];
  /** ALPN names, where the protocol has one. */
  readonly alpn: readonly string[];
  /** Finds the host's addresses; undefined: as the machine does. */
  readonly lookup?: LookupFunction | undefined;
}

/** How long a target may take to accept a connection, in milliseconds. */
export const DIAL_TIMEOUT_MS = 10_000;

/** A connection that is being opened; Nagle off, keep-alive on so that a peer that is gone is found. */
export function dial({ host, port, lookup }: TargetAddress): Socket {
  const how = lookup === undefined ? {} : { lookup };
  return connectPlain({ host, port, ...how, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
}

/**
 * Goes over to TLS on an open connection. VerifyFull: chain and name; VerifyCA: chain; Require: encryption alone, as libpq's
 * sslmode says it.
 */
export function secure(socket: Socket, { host, tlsMode, authorities, alpn }: TargetAddress): TLSSocket {
  return connectSecure({
    socket,
    servername: host,
    ...(authorities.length === 0 ? {} : { ca: [...authorities] }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    rejectUnauthorized: tlsMode !== 'Require',
    ...(tlsMode === 'VerifyFull' ? {} : { checkServerIdentity: () => undefined }),
  });
}
