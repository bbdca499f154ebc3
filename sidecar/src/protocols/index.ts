import { CATALOG_QUERIES } from './postgres/catalog-queries.ts';
import { buildCatalog } from './postgres/catalog-rows.ts';
import { loadParser } from './postgres/classify/parser.ts';
import { readSql } from './postgres/classify/reading.ts';
import { openPostgres } from './postgres/protocol.ts';
import type { Protocol } from './protocol.ts';
import { openRedis } from './redis/protocol.ts';
import { openHostKey } from './ssh/host-key.ts';
import { openSsh } from './ssh/protocol.ts';

/** The protocols of this gate by name, and beside each what its sessions share. */
export interface Registry {
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly shared: ReadonlyMap<string, unknown>;
}

/** Makes every protocol ready. A new one gets a line here. `hostKey`: the gate's key for SSH as it was kept; default: a new one. */
export async function openProtocols(hostKey?: string): Promise<Registry> {
  await loadParser();
  const opened = [
    openPostgres({ readSql, questions: CATALOG_QUERIES, buildCatalog }),
    openRedis(),
    await openSsh(openHostKey(hostKey)),
  ];
  return {
    protocols: new Map(opened.map(({ protocol }) => [protocol.name, protocol])),
    shared: new Map(opened.map(({ protocol, shared }) => [protocol.name, shared])),
  };
}
