import { ok } from '@sidegate/crds';
import { openPostgres } from './postgres/protocol.ts';
import { unread, unreadCatalog } from './postgres/unread.ts';
import type { Protocol } from './protocol.ts';

/** The protocols of this gate by name, and beside each what its sessions share. */
export interface Registry {
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly shared: ReadonlyMap<string, unknown>;
}

/** Makes every protocol ready. A new one gets a line here. */
export async function openProtocols(): Promise<Registry> {
  const opened = [openPostgres({ readSql: unread, questions: [], buildCatalog: () => ok(unreadCatalog()) })];
  return {
    protocols: new Map(opened.map(({ protocol }) => [protocol.name, protocol])),
    shared: new Map(opened.map(({ protocol, shared }) => [protocol.name, shared])),
  };
}
