import type { TableUse } from '@sidegate/policy';
import type { RangeVar } from 'libpg-query';
import { ancestors, type CatalogRelation, descendants, tableBases } from '../catalog.ts';
import type { OutputOrigin } from '../sql-reading.ts';
import type { Context } from './findings.ts';
import { kindOfFunction } from './function-lists.ts';
import { generatedOrigin } from './generated-column.ts';
import type { Columns, NamedValue } from './scope.ts';
import { resolveName } from './table-name.ts';
import { UNKNOWN } from './value.ts';
import { readView } from './walk.ts';

/** Notes that a table is read or written; gives what the catalog knows of it. */
export function readTable(table: RangeVar, access: TableUse['access'], context: Context): CatalogRelation | undefined {
  const { findings, statement } = context;
  const relation = resolveName(table, context);
  if (relation === undefined) {
    statement.addTable(table.schemaname ?? '', table.relname ?? '', access);
    return undefined;
  }
  statement.addTable(relation.schema, relation.name, access);
  noteSystem(relation, access, context);
  // A partition's rows are its parent's: a rule on the parent speaks of them.
  for (const parent of ancestors(findings.catalog, relation)) statement.addTable(parent.schema, parent.name, access);
  if (table.inh === true) {
    for (const child of descendants(findings.catalog, relation)) statement.addTable(child.schema, child.name, access);
  }
  if (relation.definition !== undefined) readBehind(relation, access, context);
  return relation;
}

/** The server's own views that stand for a function which reaches past what a statement says. */
const VIEWS_OF: Readonly<Record<string, string>> = {
  pg_file_settings: 'pg_show_all_file_settings',
  pg_hba_file_rules: 'pg_hba_file_rules',
  pg_ident_file_mappings: 'pg_ident_file_mappings',
};

function noteSystem({ schema, name, kind }: CatalogRelation, access: TableUse['access'], { findings }: Context): void {
  if (!findings.catalog.isSystemSchema(schema)) return;
  const reached = kind === 'View' && Object.hasOwn(VIEWS_OF, name) ? kindOfFunction(VIEWS_OF[name] ?? '') : undefined;
  if (reached !== undefined) findings.incomplete(reached, `${name} reaches past what a statement says (${reached}).`);
  if (access === 'Write' && kind !== 'View')
    findings.incomplete(
      'SystemTable',
      `What names mean and who may do what stands in ${name}: changed by hand, nobody can tell.`,
    );
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
      findings.stale(`${table.name} was`);
    }
  }
}

const cache = new WeakMap<CatalogRelation, Columns>();

/** The columns of a table or view as values. */
export function tableColumns(relation: CatalogRelation, context: Context): Columns {
  const known = cache.get(relation);
  if (known !== undefined) return known;
  const behind = relation.definition === undefined ? undefined : readView(context.findings, relation).outputs;
  const { catalog } = context.findings;
  const columns = relation.columns.map(({ name, typeOid }, index): NamedValue => {
    const isMade = relation.definition !== undefined;
    const value = valueOf(isMade ? (behind?.[index] ?? UNKNOWN.origin) : ownOrigin(relation, name, context));
    return { name, value: catalog.mayHoldRows(typeOid) ? { ...value, composite: true } : value, stored: true };
  });
  const plain = columns.filter((_, index) => relation.columns[index]?.expression === undefined);
  for (const [index, column] of relation.columns.entries()) {
    const made = columns[index];
    if (column.expression === undefined || made === undefined) continue;
    columns[index] = {
      ...made,
      value: valueOf(generatedOrigin(relation, column, made.value.origin, plain, context)),
    };
  }
  cache.set(relation, columns);
  return columns;
}

function ownOrigin(relation: CatalogRelation, name: string, { findings: { catalog } }: Context): OutputOrigin {
  const bases = tableBases(catalog, relation, name);
  const [only] = bases;
  return only !== undefined && bases.length === 1 ? { kind: 'Column', ...only } : { kind: 'Computed', columns: bases };
}

function valueOf(origin: OutputOrigin) {
  return { origin, literals: [], parameters: [] };
}
