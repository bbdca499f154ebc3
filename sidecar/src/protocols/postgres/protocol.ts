import type { Protocol, ProtocolSession, SessionOptions } from '../protocol.ts';
import { ReadingCache } from './reading-cache.ts';
import { PostgresSession } from './session.ts';
import type { SharedState } from './shared-state.ts';
import type { ReadSql } from './sql-reading.ts';

/** PostgreSQL, protocol 3.0 and 3.2, with the reader that says what a text of SQL does. */
export function openPostgres(readSql: ReadSql): Protocol {
  const shared: SharedState = { readings: new ReadingCache(readSql), keys: new Map() };
  return {
    name: 'Postgres',
    openSession: (options: SessionOptions): ProtocolSession => new PostgresSession(options, shared),
  };
}
