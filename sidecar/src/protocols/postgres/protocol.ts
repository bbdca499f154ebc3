import type { Fault, Result } from '@sidegate/crds';
import type { CatalogConversation, CatalogRequest, Protocol, ProtocolSession, SessionOptions } from '../protocol.ts';
import { CatalogChanges } from './catalog-changes.ts';
import { type CatalogAnswers, type CatalogQuestion, CatalogReading } from './read-catalog.ts';
import { ReadingCache } from './reading-cache.ts';
import { PostgresSession } from './session.ts';
import type { SharedState } from './shared-state.ts';
import type { ReadSql } from './sql-reading.ts';

/** What the protocol itself does not do: read SQL and make sense of a server's catalog. */
export interface SqlSide<Name extends string> {
  readonly readSql: ReadSql;
  readonly questions: readonly CatalogQuestion<Name>[];
  readonly buildCatalog: (answers: CatalogAnswers<Name>) => Result<unknown, Fault>;
}

/** PostgreSQL, protocol 3.0 and 3.2, and what all its sessions in one gate share (`SessionOptions.shared`). */
export function openPostgres<Name extends string>(
  sql: SqlSide<Name>,
): { readonly protocol: Protocol; readonly shared: unknown } {
  const shared: SharedState = {
    readings: new ReadingCache(sql.readSql),
    keys: new Map(),
    changes: new CatalogChanges(),
  };
  return {
    shared,
    protocol: {
      name: 'Postgres',
      openSession: (options: SessionOptions): ProtocolSession =>
        new PostgresSession(options, options.shared as SharedState),
      readCatalog: (request: CatalogRequest): CatalogConversation =>
        new CatalogReading(request, (request.shared as SharedState).keys, sql.questions, sql.buildCatalog),
    },
  };
}
