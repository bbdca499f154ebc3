import { Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { NAME_SERVER_TIMEOUT_MS } from './name-server.ts';
import { absoluteNames, type NameScope } from './target-names.ts';

const TRIES = 2;

/** Where names are asked for: addresses, each with a port where it is not 53, and how the pod writes names. */
export interface Upstream {
  readonly servers: readonly string[];
  readonly scope: NameScope;
}

/**
 * Finds addresses by asking the upstream servers themselves: a gate that asked the pod's resolver would ask itself, and be led to its own doors.
 */
export function upstreamLookup({ servers, scope }: Upstream, timeoutMs = NAME_SERVER_TIMEOUT_MS): LookupFunction {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  resolver.setServers(servers);
  return (host, options, callback) => {
    void find(resolver, host, scope).then((addresses) => {
      const wanted = options.family === 4 || options.family === 6 ? options.family : undefined;
      const fitting = addresses
        .map((address) => ({ address, family: isIP(address) }))
        .filter(({ family }) => wanted === undefined || family === wanted);
      const [first] = fitting;
      if (first === undefined) callback(notFound(host), '');
      else if (options.all === true) callback(null, fitting);
      else callback(null, first.address, first.family);
    });
  };
}

async function find(resolver: Resolver, host: string, scope: NameScope): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  for (const name of absoluteNames(host, scope)) {
    const asked = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    if (found.length > 0) return found;
  }
  return [];
}

function notFound(host: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`no name server knows an address of ${host}`);
  error.code = 'ENOTFOUND';
  return error;
}
