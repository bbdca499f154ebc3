import type { RangeVar } from 'libpg-query';
import type { CreatedRelation, NewReference } from '../session-names.ts';
import type { Context } from './findings.ts';
import { isTemporarySchema } from './table-name.ts';

/** What one statement of DDL does to names. */
export class Changes {
  readonly names = new Set<string>();
  readonly creates: CreatedRelation[] = [];
  readonly refers: NewReference[] = [];

  add(name: string): void {
    this.names.add(name);
  }

  /** Notes a relation that is made; `columns` undefined when only the catalog can tell them. */
  create(
    { schemaname, relname = '', relpersistence }: RangeVar,
    columns: readonly string[] | undefined,
    context: Context,
  ) {
    const schema = schemaname ?? (relpersistence === 't' ? 'pg_temp' : creationSchema(context));
    const temporary = relpersistence === 't' || isTemporarySchema(schema);
    this.creates.push({ schema, name: relname, temporary, columns });
  }
}

/** Where a new relation without a schema is made. */
export function creationSchema({ findings }: Context): string {
  const { searchPath } = findings.state;
  const schema = findings.catalog.creationSchema(searchPath);
  const temporary = searchPath?.findIndex(isTemporarySchema) ?? -1;
  const isFirst = temporary >= 0 && (schema === '' || temporary < (searchPath?.indexOf(schema) ?? 0));
  return isFirst ? 'pg_temp' : schema;
}
