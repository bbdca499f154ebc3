import type { RangeVar } from 'libpg-query';
import type { CreatedRelation } from '../session-names.ts';
import type { Context } from './findings.ts';

/** What one statement of DDL does to names. */
export class Changes {
  readonly names = new Set<string>();
  readonly creates: CreatedRelation[] = [];

  add(name: string): void {
    this.names.add(name);
  }

  /** Notes a relation that is made; `columns` undefined when only the catalog can tell them. */
  create(
    { schemaname, relname = '', relpersistence }: RangeVar,
    columns: readonly string[] | undefined,
    context: Context,
  ) {
    const temporary = relpersistence === 't' || schemaname === 'pg_temp';
    const schema = schemaname ?? (temporary ? 'pg_temp' : creationSchema(context));
    this.creates.push({ schema, name: relname, temporary, columns });
  }
}

/** Where a new relation without a schema is made. */
export function creationSchema({ findings }: Context): string {
  return findings.catalog.creationSchema(findings.state.searchPath);
}
