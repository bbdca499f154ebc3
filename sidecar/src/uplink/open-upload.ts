import { readFile } from 'node:fs/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Ingest } from '@sidegate/session/store';
import { upstreamLookup } from '../dns/upstream-lookup.ts';
import type { StoreAddress } from './messages.ts';
import type { OpenUpload } from './store-link.ts';

const PING_IDLE_MS = 20_000;
/** A connection has one stream; when that has ended, it is of no more use. */
const CLOSE_IDLE_MS = 1000;
/**
 * In MiB. A chunk of one large event has up to 128, and all of it is written at once: Node.js refuses the headers of an answer that come while more than this is
 * on its way out (10 unless told otherwise), and a chunk that waits when a stream is opened would break that one, and each after it.
 */
const SESSION_MEMORY_MIB = 512;

/** Opens upload streams to the store at `address`; roots and token are read afresh for each. */
export function uploadTo({ url, tokenFile, caFile, authority, upstream }: StoreAddress): OpenUpload {
  const lookup = upstream === undefined ? {} : { lookup: upstreamLookup(upstream) };
  return async (requests, signal) => {
    const token = (await readFile(tokenFile, 'utf8')).trim();
    const session = { ...lookup, maxSessionMemory: SESSION_MEMORY_MIB };
    const ca = caFile === undefined ? authority : await readFile(caFile);
    const transport = createGrpcTransport({
      baseUrl: url,
      nodeOptions: ca === undefined ? session : { ca, ...session },
      pingIntervalMs: PING_IDLE_MS,
      pingTimeoutMs: PING_IDLE_MS,
      idleConnectionTimeoutMs: CLOSE_IDLE_MS,
    });
    const headers = { authorization: `Bearer ${token}` };
    return createClient(Ingest, transport).upload(requests, { headers, signal });
  };
}
