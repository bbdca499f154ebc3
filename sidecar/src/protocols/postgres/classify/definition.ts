import type {
  AlterTableStmt,
  Constraint,
  CreateFunctionStmt,
  CreateStmt,
  CreateTableAsStmt,
  Node,
  RangeVar,
} from 'libpg-query';
import { type Catalog, type CatalogRelation, relatives } from '../catalog.ts';
import { Changes } from './changes.ts';
import { noteAltered, readDrop, readMember } from './drop.ts';
import type { Context, StatementFindings } from './findings.ts';
import { noteMoved, noteSystemObject } from './named-object.ts';
import { childNodes, kindOf, stringsOf } from './node.ts';
import { noteCopies, type Outcome, outcome, readExecute } from './outcome.ts';
import { openScope, type Scope } from './scope.ts';
import { readTable, tableColumns } from './table.ts';
import { isTemporarySchema, resolveName } from './table-name.ts';
import { castName } from './type-name.ts';
import { uncertaintyOf } from './uncertain.ts';
import { columnKey, columnsOf, LITERAL } from './value.ts';
import { readExpression, readStatement } from './walk.ts';
import { words } from './words.ts';
import { writeFamily, writeName } from './written-name.ts';

/** Kinds of statement that define nothing that a name means. */
const QUIET =
  words(`CommentStmt SecLabelStmt VacuumStmt ReindexStmt ClusterStmt RefreshMatViewStmt GrantStmt GrantRoleStmt
  AlterDefaultPrivilegesStmt CreateStatsStmt AlterStatsStmt`);

/** DDL, and every statement of a kind that is not read elsewhere. */
export function readDefinition(node: Node, context: Context): Outcome {
  const kind = kindOf(node);
  const uncertain = uncertaintyOf(node, kind);
  // A function in SQL is read when it is called.
  const isRead =
    'CreateFunctionStmt' in node && isSql(node.CreateFunctionStmt) && !replaces(node.CreateFunctionStmt, context);
  if (uncertain !== undefined && !isRead) context.findings.incomplete(...uncertain);
  noteSystemObject(node, context);
  noteMoved(node, context);
  const changes = new Changes();
  readDefined(node, changes, context);
  for (const name of objectNames(node)) changes.add(name);
  if (QUIET.has(kind)) return outcome();
  const { names, creates, refers } = changes;
  return outcome({ changesCatalog: true, changes: [...names], creates, ...(refers.length === 0 ? {} : { refers }) });
}

/** The names, without schema, of types, operators, aggregates, functions and casts that it makes or moves. */
function objectNames(node: Node): readonly string[] {
  if ('CreateCastStmt' in node) return [castName(lastOf(node.CreateCastStmt.targettype?.names))];
  const names = (list: readonly Node[] | undefined) => [lastOf(list)];
  if ('AlterFunctionStmt' in node) return names(node.AlterFunctionStmt.func?.objname);
  if ('DefineStmt' in node) return names(node.DefineStmt.defnames);
  if ('CreateDomainStmt' in node) return names(node.CreateDomainStmt.domainname);
  if ('CreateEnumStmt' in node) return names(node.CreateEnumStmt.typeName);
  if ('CreateRangeStmt' in node) return names(node.CreateRangeStmt.typeName);
  const object =
    'AlterObjectSchemaStmt' in node
      ? node.AlterObjectSchemaStmt.object
      : 'RenameStmt' in node
        ? node.RenameStmt.object
        : undefined;
  if (object === undefined) return [];
  if ('ObjectWithArgs' in object) return names(object.ObjectWithArgs.objname);
  return 'List' in object ? names(object.List.items) : [];
}

function lastOf(names: readonly Node[] | undefined): string {
  return stringsOf(names).at(-1) ?? '';
}

/** What was made with a function, and calls it unseen, does something else when another takes its place. */
function replaces({ funcname, replace }: CreateFunctionStmt, { findings: { catalog } }: Context): boolean {
  const known = catalog.functions(lastOf(funcname));
  return replace === true && known.some(({ schema }) => !catalog.isSystemSchema(schema));
}

function isSql({ options, sql_body }: CreateFunctionStmt): boolean {
  if (sql_body !== undefined) return true;
  return (options ?? []).some((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'language') return false;
    const { arg } = option.DefElem;
    return arg !== undefined && 'String' in arg && arg.String.sval?.toLowerCase() === 'sql';
  });
}

function readDefined(node: Node, changes: Changes, context: Context): void {
  if ('CreateTableAsStmt' in node) readCreateAs(node.CreateTableAsStmt, changes, context);
  else if ('ViewStmt' in node) {
    const known = writeName(node.ViewStmt.view, changes, context);
    if (node.ViewStmt.view !== undefined) changes.create(node.ViewStmt.view, undefined, context);
    if (node.ViewStmt.query === undefined) return;
    const { outputs } = readStatement(node.ViewStmt.query, context.findings);
    if (known !== undefined) noteReplaced(known, outputs, context);
  } else if ('AlterTableStmt' in node) readAlterTable(node.AlterTableStmt, changes, context);
  else if ('RenameStmt' in node) {
    const { relation, renameType, subname, newname } = node.RenameStmt;
    const known = writeFamily(relation, changes, context);
    if (newname !== undefined) {
      changes.add(newname);
      if (relation !== undefined && subname === undefined && mayBeTemporary(relation, known, context))
        changes.create({ relname: newname, relpersistence: 't' }, undefined, context);
    }
    // Under the new name no mask would find them.
    if (renameType === 'OBJECT_COLUMN') condemn(known, subname, context);
    else if (relation !== undefined && renameType !== 'OBJECT_TABCONSTRAINT') leave(known, context);
    else if (renameType === 'OBJECT_SCHEMA') {
      context.findings.incomplete('SchemaRename', 'Policy names tables by their schema.');
    }
  } else if ('AlterObjectSchemaStmt' in node) {
    leave(writeName(node.AlterObjectSchemaStmt.relation, changes, context), context);
  } else if ('ClusterStmt' in node) {
    // The rows lie in the order of an index from then on, and are read in it.
    condemn(writeName(node.ClusterStmt.relation, changes, context), undefined, context);
  } else if ('IndexStmt' in node) {
    const { relation, indexParams, whereClause } = node.IndexStmt;
    const scope = tableScope(relation === undefined ? undefined : readTable(relation, 'Write', context), context);
    walk([...(indexParams ?? []), ...(whereClause === undefined ? [] : [whereClause])], scope, changes, context);
  } else if ('CreateStmt' in node) {
    const { relation } = node.CreateStmt;
    writeName(relation, changes, context);
    if (relation !== undefined) changes.create(relation, tableColumnNames(node.CreateStmt, context), context);
    walk(childNodes(node.CreateStmt), tableScope(undefined, context), changes, context);
  } else if ('AlterExtensionContentsStmt' in node) readMember(node.AlterExtensionContentsStmt, changes, context);
  else if ('DropStmt' in node) readDrop(node.DropStmt, changes, context);
  else if ('CreateFunctionStmt' in node) {
    changes.add(stringsOf(node.CreateFunctionStmt.funcname).at(-1) ?? '');
  } else if ('CreateSchemaStmt' in node) {
    for (const element of node.CreateSchemaStmt.schemaElts ?? []) readStatement(element, context.findings);
  } else if ('RuleStmt' in node) {
    writeName(node.RuleStmt.relation, changes, context);
  } else readOther(node, changes, context);
}

/** The columns of a new table; undefined when they come from elsewhere. */
function tableColumnNames(create: CreateStmt, context: Context): readonly string[] | undefined {
  if (create.inhRelations !== undefined || create.ofTypename !== undefined || create.partbound !== undefined)
    return undefined;
  const names: string[] = [];
  for (const element of create.tableElts ?? []) {
    if ('ColumnDef' in element) names.push(element.ColumnDef.colname ?? '');
    if (!('TableLikeClause' in element) || element.TableLikeClause.relation === undefined) continue;
    const like = resolveName(element.TableLikeClause.relation, context);
    if (like === undefined) return undefined;
    names.push(...like.columns.map(({ name }) => name));
  }
  return names;
}

/** These look at the rows of a materialized view, or make them anew: what its query meets, errors may name. */
const RUNS_QUERY = words('RefreshMatViewStmt VacuumStmt ReindexStmt');

/** ALTER DOMAIN ... ADD CONSTRAINT and VALIDATE CONSTRAINT look at every value of the domain. */
const CHECKING: ReadonlySet<string> = new Set(['C', 'V']);

/** The table that a policy is made for: what else its conditions name they ask. */
function tableOf(node: Node): RangeVar | undefined {
  if ('CreatePolicyStmt' in node) return node.CreatePolicyStmt.table;
  return 'AlterPolicyStmt' in node ? node.AlterPolicyStmt.table : undefined;
}

/** Any other statement: the tables that it names, and its expressions. */
function readOther(node: Node, changes: Changes, context: Context): void {
  const body: unknown = Object.values(node)[0];
  const tables: RangeVar[] = [];
  collectTables(body, tables);
  const own = tableOf(node) ?? (tables.length === 1 ? tables[0] : undefined);
  let scoped: CatalogRelation | undefined;
  for (const table of tables) {
    const known = writeName(table, changes, context);
    if (known?.kind === 'MaterializedView' && RUNS_QUERY.has(kindOf(node))) readTable(table, 'Read', context);
    if (table === own) scoped = known;
  }
  if ('AlterDomainStmt' in node && CHECKING.has(node.AlterDomainStmt.subtype ?? '')) condemnDomains(context);
  walk(childNodes(body), tableScope(scoped, context), changes, context);
}

function readCreateAs({ query, into, objtype }: CreateTableAsStmt, changes: Changes, context: Context): void {
  writeName(into?.rel, changes, context);
  if (query === undefined || into?.rel === undefined) return;
  const from = context.findings.statements.length;
  const inside =
    'ExecuteStmt' in query ? readExecute(query.ExecuteStmt, context) : readStatement(query, context.findings);
  const names = stringsOf(into.colNames);
  const columns = inside.outputNames?.map((name, index) => names[index] ?? name);
  changes.create(into.rel, objtype === 'OBJECT_MATVIEW' ? undefined : columns, context);
  // A materialized view keeps its query, so its columns are still known for what they are; unless what it asks can be made to say something else.
  const isKnown = objtype === 'OBJECT_MATVIEW' && !context.findings.statements.slice(from).some(isByOthers(context));
  if (!isKnown) noteCopies(inside.outputs, context);
}

/** True for a statement that asks views, or functions in SQL. */
function isByOthers({ findings: { catalog } }: Context): (statement: StatementFindings) => boolean {
  return ({ tables, functions }) =>
    tables.some(({ schema, name }) => catalog.resolveTable(schema, name, undefined)?.kind === 'View') ||
    functions.some(({ name }) => mayBeSql(name, catalog));
}

function readAlterTable({ relation, cmds, objtype }: AlterTableStmt, changes: Changes, context: Context): void {
  const known = writeFamily(relation, changes, context);
  const scope = tableScope(known, context);
  for (const node of cmds ?? []) {
    if (!('AlterTableCmd' in node)) continue;
    const { subtype, def, behavior } = node.AlterTableCmd;
    if (behavior === 'DROP_CASCADE') noteAltered(known, objtype, context);
    // Its rows are the new parent's as well from then on.
    if (def !== undefined && 'RangeVar' in def) changes.add(def.RangeVar.relname ?? '');
    // A type, or a domain, fails on values that it does not take.
    if (subtype === 'AT_AlterColumnType') condemn(known, node.AlterTableCmd.name, context);
    const unties = subtype === 'AT_DropInherit' || subtype === 'AT_DetachPartition' || subtype === 'AT_AttachPartition';
    // A mask on the parent would no longer find the child's columns.
    if (unties && objtype !== 'OBJECT_INDEX') {
      if (def !== undefined && 'PartitionCmd' in def)
        leave(writeName(def.PartitionCmd.name, changes, context), context);
      else leave(known, context);
    } else if (subtype === 'AT_ClusterOn') condemn(known, undefined, context);
    // Its values stay, and what they were computed of is forgotten.
    else if (subtype === 'AT_DropExpression') condemn(known, node.AlterTableCmd.name, context);
    else if (def !== undefined) walk([def], scope, changes, context);
  }
}

/** After this, masks by these columns' names would find nothing: policy is told as if they were read by a condition. */
function condemn(relation: CatalogRelation | undefined, column: string | undefined, context: Context): void {
  if (relation === undefined || relation.kind === 'View') return;
  for (const { name, value } of tableColumns(relation, context) ?? []) {
    if (column === undefined || name === column) context.statement.addColumns(columnsOf(value.origin), 'Condition');
  }
}

/** The same for a table that gets another name, or another parent: nor would a rule find it that speaks of reading it. */
function leave(relation: CatalogRelation | undefined, context: Context): void {
  if (relation === undefined) return;
  condemn(relation, undefined, context);
  const { catalog } = context.findings;
  for (const { schema, name } of [relation, ...relatives(catalog, relation)])
    context.statement.addTable(schema, name, 'Read');
}

/** The same for every column whose type may be a domain, or made of one. */
function condemnDomains({ findings, statement }: Context): void {
  const columns = findings.catalog.columnsOfMadeTypes();
  if (findings.step(columns.length)) statement.addColumns(columns, 'Condition');
}

/** True when a function of this name is written in SQL and not the server's own: another may take its place. */
function mayBeSql(name: string, catalog: Catalog): boolean {
  return catalog.functions(name).some(({ language, schema }) => language === 'sql' && !catalog.isSystemSchema(schema));
}

function mayBeTemporary({ schemaname, relname = '' }: RangeVar, known: CatalogRelation | undefined, context: Context) {
  if (schemaname !== undefined) return isTemporarySchema(schemaname);
  return known === undefined || context.findings.names.temporary.has(relname);
}

/** What materialized views hold of a view is known by its query alone: of another one it would be known no longer. */
function noteReplaced(view: CatalogRelation, outputs: Outcome['outputs'], context: Context): void {
  for (const [index, { value }] of tableColumns(view, context)?.entries() ?? []) {
    const origin = outputs?.[index];
    const shown = new Set(origin === undefined ? [] : columnsOf(origin).map(columnKey));
    const lost = columnsOf(value.origin).filter((column) => !shown.has(columnKey(column)));
    context.statement.addColumns(lost, 'Condition');
  }
}

/** What expressions in DDL see: the columns of the table, and any other name as a column that is being made. */
function tableScope(relation: CatalogRelation | undefined, context: Context): Scope {
  const outer = openScope(undefined);
  const anything = { name: '', schema: undefined, columns: undefined, fallback: LITERAL };
  outer.items.push({ sources: [anything], star: undefined, fallback: LITERAL });
  const scope = openScope(outer);
  if (relation !== undefined) {
    const columns = tableColumns(relation, context);
    scope.items.push({ sources: [{ name: relation.name, schema: relation.schema, columns }], star: columns });
  }
  return scope;
}

/** FKCONSTR_ACTION_NOACTION and FKCONSTR_ACTION_RESTRICT in parsenodes.h. */
const FAILS = 'a';
const RESTRICTS = 'r';

/** A foreign key tells of each value whether the other table has it. */
function noteReference(constraint: Constraint, changes: Changes, context: Context): void {
  const { pktable, pk_attrs, fk_del_action = FAILS, fk_upd_action = FAILS } = constraint;
  if (pktable === undefined) return;
  const acts = ![fk_del_action, fk_upd_action].every((action) => action === FAILS || action === RESTRICTS);
  changes.refers.push({ table: pktable.relname ?? '', acts });
  const { catalog, state } = context.findings;
  // A table that is not there yet holds nothing to tell.
  const relation = catalog.resolveTable(pktable.schemaname, pktable.relname ?? '', state.searchPath);
  if (relation === undefined) return;
  const names = new Set(pk_attrs === undefined ? relation.primaryKey : stringsOf(pk_attrs));
  for (const { name, value } of tableColumns(relation, context) ?? []) {
    if (names.has(name)) context.statement.addColumns(columnsOf(value.origin), 'Condition');
  }
}

/** Columns whose values a constraint compares, with one another or with those of another table: it fails, or makes others fail, by what they are. */
function comparedBy({ contype, keys, fk_attrs }: Constraint): readonly string[] {
  return contype === 'CONSTR_NOTNULL' ? [] : [...stringsOf(keys), ...stringsOf(fk_attrs)];
}

function readNames(names: readonly string[], scope: Scope, context: Context): void {
  for (const sval of names)
    readExpression({ ColumnRef: { fields: [{ String: { sval } }] } }, scope, context, 'Condition');
}

/** Walks expressions in DDL; tables that are named in passing are no expressions. */
function walk(nodes: readonly Node[], scope: Scope, changes: Changes, context: Context): void {
  for (const node of nodes) {
    if ('RangeVar' in node || 'String' in node) continue;
    if ('Constraint' in node) {
      noteReference(node.Constraint, changes, context);
      readNames(comparedBy(node.Constraint), scope, context);
    }
    // In the order of an index rows are read.
    if ('IndexElem' in node && node.IndexElem.name !== undefined) readNames([node.IndexElem.name], scope, context);
    if ('ColumnDef' in node || 'Constraint' in node || 'DefElem' in node || 'List' in node || 'IndexElem' in node) {
      walk(childNodes(Object.values(node)[0]), scope, changes, context);
    } else if ('SelectStmt' in node || kindOf(node).endsWith('Stmt')) readStatement(node, context.findings);
    else readKeptExpression(node, scope, context);
  }
}

/** Defaults, checks, keys of indexes: later statements run them unseen, and a function in SQL may do something else by then. */
function readKeptExpression(node: Node, scope: Scope, context: Context): void {
  const { findings, statement } = context;
  const before = new Set(statement.functions.map(({ name }) => name));
  readExpression(node, scope, context, 'Condition');
  for (const { name } of statement.functions) {
    if (!before.has(name) && mayBeSql(name, findings.catalog))
      findings.incomplete(
        'FunctionBody',
        `What ${name} will do when it is called by what is defined here cannot be told.`,
      );
  }
}

function collectTables(value: unknown, tables: RangeVar[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (isRangeVar(value)) {
    tables.push(value);
    return;
  }
  for (const inner of Object.values(value)) collectTables(inner, tables);
}

function isRangeVar(value: object): value is RangeVar {
  return 'relname' in value && 'relpersistence' in value;
}
