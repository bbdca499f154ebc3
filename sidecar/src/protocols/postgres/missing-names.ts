import type { CatalogResults } from './catalog-rows.ts';

/**
 * Which of these names a server does not have: of tables as `schema.table`, of columns as `schema.table.column`, where the schema may be `*`. Blind to
 * case, as masks and denials are.
 */
export function missingNames(names: readonly string[], { relations, attributes }: CatalogResults): readonly string[] {
  const known = new Set<string>();
  const tables = new Map<string | null | undefined, readonly string[]>();
  const add = (...parts: readonly string[]): unknown => known.add(parts.join('.').toLowerCase());
  for (const [oid, schema, table] of relations) {
    const places = [`${schema}.${table}`, `*.${table}`];
    tables.set(oid, places);
    for (const place of places) add(place);
  }
  for (const [oid, , column] of attributes) for (const place of tables.get(oid) ?? []) add(place, String(column));
  return names.filter((name) => !known.has(name.toLowerCase()));
}
