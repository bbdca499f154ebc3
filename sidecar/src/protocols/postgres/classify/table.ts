import type { TableUse } from '@sidegate/policy';
import type { RangeVar } from 'libpg-query';
import { ancestors, type CatalogRelation, descendants, tableBases } from '../catalog.ts';
import type { OutputOrigin } from '../sql-reading.ts';
import type { Context } from './findings.ts';
import type { Columns, NamedValue } from './scope.ts';
import { resolveName } from './table-name.ts';
import { UNKNOWN } from './value.ts';
import { readView } from './walk.ts';
import { words } from './words.ts';

/** Notes that a table is read or written; gives what the catalog knows of it. */
export function readTable(table: RangeVar, access: TableUse['access'], context: Context): CatalogRelation | undefined {
  const { findings, statement } = context;
  const relation = resolveName(table, context);
  if (relation === undefined) {
    statement.addTable(table.schemaname ?? '', table.relname ?? '', access);
    return undefined;
  }
  statement.addTable(relation.schema, relation.name, access);
  // A partition's rows are its parent's: a rule on the parent speaks of them.
  for (const parent of ancestors(findings.catalog, relation)) statement.addTable(parent.schema, parent.name, access);
  if (table.inh === true) {
    for (const child of descendants(findings.catalog, relation)) statement.addTable(child.schema, child.name, access);
  }
  if (relation.definition !== undefined) readBehind(relation, access, context);
  return relation;
}

/** What a view reads, its users read. */
function readBehind(relation: CatalogRelation, access: TableUse['access'], context: Context): void {
  const { findings, statement } = context;
  const view = readView(findings, relation);
  for (const { kind, detail } of view.incomplete) findings.incomplete(kind, `In ${relation.name}: ${detail}`);
  for (const use of view.functions) statement.addFunction(use);
  for (const table of view.tables) {
    statement.addTable(table.schema, table.name, 'Read');
    // A write through a view changes the table that it shows; which one is not told apart here.
    if (access === 'Write') statement.addTable(table.schema, table.name, 'Write');
    if (findings.names.changed.has(table.name)) {
      findings.incomplete('StaleCatalog', `${table.name} was changed earlier in this transaction.`);
    }
  }
}

/** Columns of the server's own views that hold samples or texts of other tables' rows or of other sessions' statements. */
const SAMPLES = words(`most_common_vals most_common_elems histogram_bounds range_bounds_histogram range_length_histogram
  elem_count_histogram most_common_val_nulls stavalues1 stavalues2 stavalues3 stavalues4 stavalues5 stxdmcv stxdexpr`);
const SAMPLE_RELATIONS = words('pg_stats pg_statistic pg_stats_ext pg_stats_ext_exprs pg_statistic_ext_data');
const TEXTS =
  words(`pg_stat_activity.query pg_stat_statements.query pg_prepared_statements.statement pg_cursors.statement
  pg_largeobject.data pg_authid.rolpassword pg_shadow.passwd pg_user_mapping.umoptions pg_user_mappings.umoptions
  pg_subscription.subconninfo`);

const cache = new WeakMap<CatalogRelation, Columns>();

/** The columns of a table or view as values. */
export function tableColumns(relation: CatalogRelation, context: Context): Columns {
  const known = cache.get(relation);
  if (known !== undefined) return known;
  const { catalog } = context.findings;
  const behind = relation.definition === undefined ? undefined : readView(context.findings, relation).outputs;
  const columns = relation.columns.map(({ name }, index): NamedValue => {
    if (relation.definition !== undefined) {
      return { name, value: valueOf(behind?.[index] ?? UNKNOWN.origin), stored: true };
    }
    if (SAMPLE_RELATIONS.has(relation.name) && SAMPLES.has(name)) return { name, value: UNKNOWN, guarded: true };
    if (TEXTS.has(`${relation.name}.${name}`)) return { name, value: UNKNOWN };
    const bases = tableBases(catalog, relation, name);
    const [only] = bases;
    if (only !== undefined && bases.length === 1)
      return { name, value: valueOf({ kind: 'Column', ...only }), stored: true };
    return { name, value: valueOf({ kind: 'Computed', columns: bases }), stored: true };
  });
  cache.set(relation, columns);
  return columns;
}

function valueOf(origin: OutputOrigin) {
  return { origin, literals: [], parameters: [] };
}
