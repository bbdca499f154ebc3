import type { Snapshot, Target } from '@sidegate/crds';
import type { LiveCatalog } from './command-reading.ts';

/** How the gate would reach a Target's server and log in, as the snapshot says. */
export function liveCatalogOf(
  { metadata, spec }: Target,
  { secrets }: Snapshot,
  database: string = spec.postgres?.databases?.[0] ?? 'postgres',
): LiveCatalog {
  const { namespace = 'default', name } = metadata;
  const secret = secrets.find(({ target }) => target.namespace === namespace && target.name === name);
  const { username = '', password = '', authorities = [] } = secret ?? {};
  const { host, port, tls } = spec;
  return {
    address: { host, port, tlsMode: tls?.mode ?? 'VerifyFull', authorities, alpn: ['postgresql'] },
    credential: { username, password },
    database,
  };
}
