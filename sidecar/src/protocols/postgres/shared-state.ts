import type { CatalogChanges } from './catalog-changes.ts';
import type { ReadingCache } from './reading-cache.ts';
import type { SaltedKeys } from './scram.ts';

/** What all PostgreSQL sessions of a gate share. */
export interface SharedState {
  readonly readings: ReadingCache;
  readonly keys: SaltedKeys;
  readonly changes: CatalogChanges;
}
