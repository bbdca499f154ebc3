import type { TypeName } from 'libpg-query';
import type { Findings } from './findings.ts';
import { qualifiedName } from './node.ts';

/**
 * True when a name surely means a type of the server's own, or the one that an extension adds under this name. One of the same name that is made
 * of others may be meant, whatever the search path says: the schema of temporary relations is searched first of all.
 */
export function isServersType(typeName: TypeName | undefined, { catalog, names }: Findings): boolean {
  const { schema, name } = qualifiedName(typeName?.names);
  if (schema === 'pg_catalog') return true;
  const isMeant = schema === undefined || name === 'citext';
  return isMeant && name !== '' && !catalog.definesType(name) && !names.changed.has(name);
}

/** By this name a transaction remembers that it changed casts to a type. No relation and no function is called so. */
export function castName(type: string): string {
  return `cast to ${type}`;
}
