import type { Protocol, ProtocolSession, SessionOptions } from '../protocol.ts';
import { ReadingCache } from './reading-cache.ts';
import { PostgresSession } from './session.ts';
import type { SharedState } from './shared-state.ts';
import type { ReadSql } from './sql-reading.ts';

/** PostgreSQL, protocol 3.0 and 3.2. */
export const postgres: Protocol = {
  name: 'Postgres',
  openSession: (options: SessionOptions): ProtocolSession =>
    new PostgresSession(options, options.shared as SharedState),
};

/** What all PostgreSQL sessions of a gate share: `SessionOptions.shared`. */
export function openPostgresShared(readSql: ReadSql): SharedState {
  return { readings: new ReadingCache(readSql), keys: new Map() };
}
