import type { CatalogConversation, CatalogRequest, Protocol, ProtocolSession, SessionOptions } from '../protocol.ts';
import { CatalogReading } from './read-catalog.ts';
import { RedisSession } from './session.ts';

/** Redis in RESP2 and RESP3. Its sessions share nothing but the catalog of the server's commands, which the gate keeps. */
export function openRedis(): { readonly protocol: Protocol; readonly shared: unknown } {
  return {
    shared: undefined,
    protocol: {
      name: 'Redis',
      openSession: (options: SessionOptions): ProtocolSession => new RedisSession(options),
      readCatalog: (request: CatalogRequest): CatalogConversation => new CatalogReading(request),
    },
  };
}
