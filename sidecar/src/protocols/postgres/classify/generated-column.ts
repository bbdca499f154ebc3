import type { CatalogColumn, CatalogRelation } from '../catalog.ts';
import type { OutputOrigin } from '../sql-reading.ts';
import { type Context, Findings } from './findings.ts';
import { parseSql } from './parser.ts';
import { type NamedValue, openScope } from './scope.ts';
import { openSqlState } from './state.ts';
import { columnsOf, UNKNOWN } from './value.ts';
import { readExpression } from './walk.ts';

/** Where a generated column's values come from: itself, and the columns that it is computed of, which stand in `plain`. */
export function generatedOrigin(
  relation: CatalogRelation,
  { expression = '' }: CatalogColumn,
  own: OutputOrigin,
  plain: readonly NamedValue[],
  { findings: { catalog, walkers } }: Context,
): OutputOrigin {
  const parsed = parseSql(`SELECT ${expression}`);
  const [statement] = parsed.ok ? parsed.value : [];
  const [target] = statement !== undefined && 'SelectStmt' in statement ? (statement.SelectStmt.targetList ?? []) : [];
  const node = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined;
  if (node === undefined) return UNKNOWN.origin;
  // It was written down with every name qualified that is not the server's own.
  const context = new Findings(catalog, { ...openSqlState(catalog), searchPath: [] }, walkers).openStatement('SELECT');
  const scope = openScope(undefined);
  scope.items.push({ sources: [{ name: relation.name, schema: relation.schema, columns: plain }], star: plain });
  const { origin } = readExpression(node, scope, context, 'Output');
  if (origin.kind === 'Unknown' || context.findings.incompletenesses.length > 0) return UNKNOWN.origin;
  const sources = columnsOf(origin);
  return sources.length === 0 ? own : { kind: 'Computed', columns: [...columnsOf(own), ...sources] };
}
