import type { RangeVar } from 'libpg-query';
import { ancestors, type CatalogRelation, descendants } from '../catalog.ts';
import { type Changes, creationSchema } from './changes.ts';
import type { Context } from './findings.ts';

/** A table that is defined or changed. It need not be there yet. */
export function writeName(
  table: RangeVar | undefined,
  changes: Changes,
  context: Context,
): CatalogRelation | undefined {
  if (table === undefined) return undefined;
  const { schemaname, relname = '' } = table;
  changes.add(relname);
  const { catalog, state } = context.findings;
  const known = catalog.resolveTable(schemaname, relname, state.searchPath);
  const schema = known?.schema ?? schemaname ?? (table.relpersistence === 't' ? 'pg_temp' : creationSchema(context));
  context.statement.addTable(schema, relname, 'Write');
  return known;
}

/** The same for what reaches its partitions and children as well, unless it says ONLY; a rule on a parent speaks of its children's rows. */
export function writeFamily(
  table: RangeVar | undefined,
  changes: Changes,
  context: Context,
): CatalogRelation | undefined {
  const known = writeName(table, changes, context);
  if (known !== undefined) addFamily(known, table?.inh === true, context);
  return known;
}

/** Notes a relation that is written, and those whose rows these are as well. */
export function addFamily(relation: CatalogRelation, withChildren: boolean, { findings, statement }: Context): void {
  statement.addTable(relation.schema, relation.name, 'Write');
  const { catalog } = findings;
  for (const parent of ancestors(catalog, relation)) statement.addTable(parent.schema, parent.name, 'Write');
  if (!withChildren) return;
  for (const child of descendants(catalog, relation)) statement.addTable(child.schema, child.name, 'Write');
}
