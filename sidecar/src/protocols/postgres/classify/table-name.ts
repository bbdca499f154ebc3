import type { RangeVar } from 'libpg-query';
import type { CatalogRelation } from '../catalog.ts';
import type { CreatedRelation } from '../session-names.ts';
import type { Context, Findings } from './findings.ts';

/** The relation that a name means in this session; notes why when that cannot be told. */
export function resolveName({ schemaname, relname = '' }: RangeVar, context: Context): CatalogRelation | undefined {
  const { findings } = context;
  const { created, changed } = findings.names;
  const hidden = resolveTemporary(schemaname, relname, findings);
  if (hidden !== undefined) return hidden === 'Unknown' ? undefined : hidden;
  const { searchPath } = findings.state;
  const isKnown = schemaname !== undefined || searchPath !== undefined;
  const relation = isKnown ? findings.catalog.resolveTable(schemaname, relname, searchPath) : undefined;
  if (relation !== undefined) {
    if (changed.has(relname)) {
      findings.stale(`${relname} was`);
    }
    return relation;
  }
  const made = created.get(relname);
  if (made?.columns !== undefined && (schemaname === undefined || schemaname === made.schema)) return asRelation(made);
  findings.incomplete('UnknownTable', `The catalog has no table ${schemaname ?? '(search path)'}.${relname}.`);
  return undefined;
}

/** A temporary relation of this session; undefined when none is meant. They come before all others. */
function resolveTemporary(
  schema: string | undefined,
  name: string,
  findings: Findings,
): CatalogRelation | 'Unknown' | undefined {
  const { created, changed, temporary } = findings.names;
  if (schema !== 'pg_temp' && (schema !== undefined || !temporary.has(name))) return undefined;
  const { searchPath } = findings.state;
  const isElsewhere =
    searchPath === undefined || findings.catalog.resolveTable(undefined, name, searchPath) !== undefined;
  const isAlone = schema !== undefined || !isElsewhere;
  const made = created.get(name);
  if (made?.columns !== undefined && made.temporary && (isAlone || comesFirst(searchPath))) return asRelation(made);
  if (changed.has(name)) {
    findings.stale(`${name} was`);
    return 'Unknown';
  }
  const candidates = findings.catalog.temporary(name);
  const [only] = candidates;
  if (only === undefined) return undefined;
  // That of this session may be gone, or have been taken back, and another session have one.
  if (candidates.length === 1 && isAlone) return only;
  const why = isAlone ? 'More than one session has' : 'It may mean the table or';
  findings.incomplete('AmbiguousTable', `${why} a temporary table ${name}: write its schema.`);
  return 'Unknown';
}

/** True when temporary relations are looked for before all others: a path may name their schema in another place. */
function comesFirst(searchPath: readonly string[] | undefined): boolean {
  return searchPath !== undefined && !searchPath.some(isTemporarySchema);
}

/** `pg_temp`, or by its number the schema behind it. */
export function isTemporarySchema(schema: string): boolean {
  return schema.startsWith('pg_temp');
}

const relations = new WeakMap<CreatedRelation, CatalogRelation>();

function asRelation(made: CreatedRelation): CatalogRelation {
  let relation = relations.get(made);
  if (relation === undefined) {
    relation = {
      oid: 0,
      schema: made.schema,
      name: made.name,
      kind: 'Table',
      temporary: made.temporary,
      columns: (made.columns ?? []).map((name, index) => ({
        number: index + 1,
        name,
        typeOid: 0,
        expression: undefined,
      })),
      definition: undefined,
      rewritten: false,
      parents: [],
      children: [],
      triggers: [],
      primaryKey: [],
      referrers: [],
    };
    relations.set(made, relation);
  }
  return relation;
}
