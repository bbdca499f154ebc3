import type { Catalog, CatalogRelation } from '../catalog.ts';
import { Findings, type ViewReading, type Walkers } from './findings.ts';
import { parseSql } from './parser.ts';
import { originsOf } from './scope.ts';
import { openSqlState } from './state.ts';

const cache = new WeakMap<CatalogRelation, ViewReading>();

/** Reads the query of a view, once for each catalog. Its own conditions are its owner's and are not counted as the reader's. */
export function walkView(catalog: Catalog, relation: CatalogRelation, walkers: Walkers): ViewReading {
  const known = cache.get(relation);
  if (known !== undefined) return known;
  // Stands there while the view is read, so that one that reads itself ends here.
  cache.set(relation, unreadable('it reads itself'));
  const reading = readDefinition(catalog, relation.definition ?? '', walkers);
  cache.set(relation, reading);
  return reading;
}

function unreadable(why: string): ViewReading {
  const incomplete = [{ kind: 'UnreadableView', detail: `Its definition cannot be read: ${why}.` }];
  return { outputs: undefined, tables: [], functions: [], incomplete };
}

function readDefinition(catalog: Catalog, definition: string, walkers: Walkers): ViewReading {
  const parsed = parseSql(definition);
  if (!parsed.ok) return unreadable(parsed.fault.detail);
  const [statement] = parsed.value;
  if (statement === undefined || !('SelectStmt' in statement)) return unreadable('it is no query');
  // The definition was written down with every name qualified that is not the server's own.
  const state = { ...openSqlState(catalog), searchPath: [] };
  const findings = new Findings(catalog, state, walkers);
  const context = findings.openStatement('SELECT');
  const outputs = originsOf(walkers.select(statement.SelectStmt, undefined, context, 'Output'));
  const { tables, functions } = context.statement.finish();
  return { outputs, tables, functions, incomplete: findings.incompletenesses };
}
