import type {
  DeleteStmt,
  InsertStmt,
  MergeStmt,
  Node,
  OnConflictClause,
  RangeVar,
  ReturningClause,
  UpdateStmt,
} from 'libpg-query';
import type { CatalogRelation } from '../catalog.ts';
import type { BaseColumn } from '../sql-reading.ts';
import { isAlwaysTrue } from './always-true.ts';
import { readWith } from './cte.ts';
import { type Context, recordUse } from './findings.ts';
import { stringsOf } from './node.ts';
import { noteUntold } from './outcome.ts';
import { noteDeleted, noteRules, noteTrigger, noteUpdated, writtenBehind } from './referrers.ts';
import { type Columns, type FromItem, openScope, type Scope, type Source } from './scope.ts';
import { readTable, tableColumns } from './table.ts';
import { readTargets } from './targets.ts';
import { columnKey, columnsOf, computed, type Value } from './value.ts';
import { readExpression, readFrom, readSelect } from './walk.ts';

/** Reads a statement that writes and stands in WITH; gives the columns of its RETURNING. Each is a statement of its own. */
export function walkWrite(node: Node, parent: Scope | undefined, outer: Context): Columns {
  const { findings } = outer;
  if ('InsertStmt' in node) return readInsert(node.InsertStmt, parent, findings.openStatement('INSERT'));
  if ('UpdateStmt' in node) return readUpdate(node.UpdateStmt, parent, findings.openStatement('UPDATE'));
  if ('DeleteStmt' in node) return readDelete(node.DeleteStmt, parent, findings.openStatement('DELETE'));
  if ('MergeStmt' in node) return readMerge(node.MergeStmt, parent, findings.openStatement('MERGE'));
  findings.incomplete('UnknownSyntax', 'A statement stands where it is not expected.');
  return undefined;
}

interface Target {
  readonly relation: CatalogRelation | undefined;
  readonly source: Source;
  readonly columns: Columns;
}

/** The table that is written, entered into the scope. */
function enterTarget(table: RangeVar | undefined, scope: Scope, context: Context): Target {
  const relation = table === undefined ? undefined : readTable(table, 'Write', context);
  const columns =
    relation === undefined
      ? undefined
      : tableColumns(relation, context)?.map((column) => ({ ...column, changed: true }));
  const name = table?.alias?.aliasname ?? table?.relname ?? '';
  const source: Source = {
    name,
    schema: table?.alias === undefined ? relation?.schema : undefined,
    columns,
  };
  scope.items.push(itemOf(source));
  if (relation !== undefined) {
    for (const each of writtenBehind(relation, table?.inh === true, context)) {
      for (const trigger of each.triggers) noteTrigger(trigger, context);
      noteRules(each, context);
    }
  }
  return { relation, source, columns };
}

function itemOf(source: Source): FromItem {
  return { sources: [source], star: source.columns };
}

function readReturning(clause: ReturningClause | undefined, target: Target, scope: Scope, context: Context): Columns {
  if (clause === undefined) return [];
  const inside = openScope(scope);
  const names = ['old', 'new'];
  for (const option of clause.options ?? []) {
    if ('ReturningOption' in option) names.push(option.ReturningOption.value ?? '');
  }
  // Only by their names: a bare name and `*` do not mean these.
  const sources = names.map((name) => ({ ...target.source, name, schema: undefined }));
  const hidden: FromItem = { sources, star: [] };
  const spread = openScope(inside);
  spread.items.push(...scope.items, hidden);
  return readTargets(clause.exprs ?? [], spread, context, 'Output');
}

/**
 * Values that go into a column. What another masked column holds would come out of this one unmasked; what is computed from the column itself
 * would come out under a mask that keeps the end of a value, moved there. Only a plain copy into the same column tells nothing new.
 */
function flowInto(target: Target, name: string, value: Value, context: Context): void {
  const column = target.columns?.find((each) => each.name === name);
  const into = column === undefined ? ownColumn(target, name) : columnsOf(column.value.origin);
  context.findings.meet(value, into);
  // What else is not understood says more, and an owner may allow it.
  if (value.origin.kind !== 'Unknown' || context.findings.isWhole) noteUntold(value.origin, context);
  const same = new Set(value.origin.kind === 'Column' ? into.map(columnKey) : []);
  const others = columnsOf(value.origin).filter((each) => !same.has(columnKey(each)));
  if (others.length > 0) recordUse(context, { kind: 'Computed', columns: others }, 'Condition');
}

/** How much room a new version of a row takes (WAL) tells which part of it is as it was. */
function noteWritten(target: Target, name: string, { statement }: Context): void {
  const column = target.columns?.find((each) => each.name === name);
  const columns = column === undefined ? ownColumn(target, name) : columnsOf(column.value.origin);
  statement.addColumns(columns, 'Condition');
}

function ownColumn({ relation }: Target, column: string): readonly BaseColumn[] {
  return relation === undefined ? [] : [{ schema: relation.schema, table: relation.name, column }];
}

export function readInsert(insert: InsertStmt, parent: Scope | undefined, context: Context): Columns {
  const scope = openScope(parent);
  readWith(insert.withClause, scope, context);
  const inside = openScope(scope);
  const target = enterTarget(insert.relation, inside, context);
  const names = insert.cols && namesOf(insert.cols);
  const order = names ?? target.columns?.map(({ name }) => name) ?? [];
  if (insert.selectStmt !== undefined && 'SelectStmt' in insert.selectStmt) {
    const select = insert.selectStmt.SelectStmt;
    const values = readSelect(select, scope, context, 'Output');
    if (values === undefined) {
      context.findings.incomplete('UnknownColumn', 'What is inserted comes from columns that are not known.');
    }
    for (const [index, { value }] of values?.entries() ?? []) flowInto(target, order[index] ?? '', value, context);
  }
  const conflict = insert.onConflictClause;
  if (conflict !== undefined) readConflict(conflict, target, inside, context);
  const returned = readReturning(insert.returningClause, target, inside, context);
  if (conflict?.action === 'ONCONFLICT_UPDATE') {
    // What a plain INSERT returns is what it wrote; after a conflict it is the row that was there.
    noteRead(insert.relation, target, context);
    noteAction('UPDATE', insert.relation, true, context);
  }
  noteUpdated(insert.relation, target.relation, namesOf(conflict?.targetList), context);
  return returned;
}

/** What MERGE, or INSERT after a conflict, does to rows of its table is a statement of its own: rules on its verb meet it. */
function noteAction(verb: string, table: RangeVar | undefined, hasWhere: boolean, { findings }: Context): void {
  const inner = findings.openStatement(verb);
  inner.statement.hasWhere = hasWhere;
  if (table !== undefined) readTable(table, 'Write', inner);
}

/** The columns that are assigned. */
function namesOf(targets: readonly Node[] | undefined): readonly string[] {
  return (targets ?? []).map((node) => ('ResTarget' in node ? (node.ResTarget.name ?? '') : ''));
}

/** A statement that looks at the rows which it changes, or returns them, reads the table as well. */
function noteRead(table: RangeVar | undefined, target: Target, context: Context): void {
  const isRead = context.statement.changedReads > 0 || target.columns === undefined;
  if (table !== undefined && isRead) readTable(table, 'Read', context);
}

function readConflict(clause: OnConflictClause, target: Target, scope: Scope, context: Context): void {
  const inside = openScope(scope);
  // The row that was to be inserted is the agent's own.
  const columns = target.columns?.map((column) => ({ ...column, changed: false }));
  const excluded: Source = { ...target.source, name: 'excluded', schema: undefined, columns };
  inside.items.push(...scope.items, { sources: [excluded], star: [] });
  for (const element of clause.infer?.indexElems ?? []) {
    if (!('IndexElem' in element)) continue;
    // A plain column of a unique index tells no more than the insert itself does.
    if (element.IndexElem.expr !== undefined) readExpression(element.IndexElem.expr, inside, context, 'Condition');
  }
  for (const condition of [clause.infer?.whereClause, clause.whereClause]) {
    if (condition !== undefined) readExpression(condition, inside, context, 'Condition');
  }
  readAssignments(clause.targetList ?? [], target, inside, context);
}

function readAssignments(targets: readonly Node[], target: Target, scope: Scope, context: Context): void {
  for (const node of targets) {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined) continue;
    const { name = '', val, indirection } = node.ResTarget;
    for (const step of indirection ?? []) readExpression(step, scope, context, 'Condition');
    if (context.findings.measured) noteWritten(target, name, context);
    if ('MultiAssignRef' in val) {
      readMultiAssign(val.MultiAssignRef, name, target, scope, context);
      continue;
    }
    flowInto(target, name, readExpression(val, scope, context, 'None'), context);
  }
}

/** `(a, b) = (SELECT x, y ...)`: the source is repeated for each column. */
function readMultiAssign(
  { source, colno = 1 }: { source?: Node; colno?: number },
  name: string,
  target: Target,
  scope: Scope,
  context: Context,
): void {
  if (source === undefined) return;
  if ('SubLink' in source && source.SubLink.subselect !== undefined && 'SelectStmt' in source.SubLink.subselect) {
    const columns = readSelect(source.SubLink.subselect.SelectStmt, scope, context, 'None');
    const column = columns?.[colno - 1];
    if (column === undefined) {
      context.findings.incomplete('UnknownColumn', 'What is assigned comes from columns that are not known.');
    } else flowInto(target, name, column.value, context);
    return;
  }
  if ('RowExpr' in source) {
    const part = source.RowExpr.args?.[colno - 1];
    if (part !== undefined) flowInto(target, name, readExpression(part, scope, context, 'None'), context);
    return;
  }
  flowInto(target, name, computed([readExpression(source, scope, context, 'None')]), context);
}

function readWhere(where: Node | undefined, target: Target, scope: Scope, context: Context): void {
  if (where === undefined) return;
  context.statement.hasWhere = chooses(where, target, scope, context);
  readExpression(where, scope, context, 'Condition');
}

/** True when a condition may leave out rows of the table that is changed. */
function chooses(condition: Node, target: Target, scope: Scope, context: Context): boolean {
  const { findings, statement } = context;
  const truth = isAlwaysTrue(condition, (node) => {
    const before = statement.changedReads;
    readExpression(node, scope, context, 'Condition');
    return target.columns === undefined || statement.changedReads > before;
  });
  if (truth.dependsOnLiteral) findings.shapeDecides = false;
  return !truth.always;
}

export function readUpdate(update: UpdateStmt, parent: Scope | undefined, context: Context): Columns {
  const scope = openScope(parent);
  readWith(update.withClause, scope, context);
  const target = enterTarget(update.relation, scope, context);
  for (const item of update.fromClause ?? []) scope.items.push(readFrom(item, scope, context));
  readWhere(update.whereClause, target, scope, context);
  readAssignments(update.targetList ?? [], target, scope, context);
  const returned = readReturning(update.returningClause, target, scope, context);
  noteRead(update.relation, target, context);
  noteUpdated(update.relation, target.relation, namesOf(update.targetList), context);
  return returned;
}

export function readDelete(del: DeleteStmt, parent: Scope | undefined, context: Context): Columns {
  const scope = openScope(parent);
  readWith(del.withClause, scope, context);
  const target = enterTarget(del.relation, scope, context);
  for (const item of del.usingClause ?? []) scope.items.push(readFrom(item, scope, context));
  readWhere(del.whereClause, target, scope, context);
  const returned = readReturning(del.returningClause, target, scope, context);
  noteRead(del.relation, target, context);
  noteDeleted(del.relation, target.relation, context);
  return returned;
}

export function readMerge(merge: MergeStmt, parent: Scope | undefined, context: Context): Columns {
  const scope = openScope(parent);
  readWith(merge.withClause, scope, context);
  const target = enterTarget(merge.relation, scope, context);
  if (merge.sourceRelation !== undefined) {
    // The source does not see the target.
    const item = readFrom(merge.sourceRelation, { ...scope, items: [] }, context);
    scope.items.unshift(item);
  }
  const { joinCondition } = merge;
  const joins = joinCondition !== undefined && chooses(joinCondition, target, scope, context);
  if (joinCondition !== undefined) readExpression(joinCondition, scope, context, 'Condition');
  context.statement.hasWhere = true;
  for (const clause of merge.mergeWhenClauses ?? []) {
    if (!('MergeWhenClause' in clause)) continue;
    const { condition, commandType, matchKind, targetList = [], values } = clause.MergeWhenClause;
    const isChosen = condition !== undefined && chooses(condition, target, scope, context);
    if (condition !== undefined) readExpression(condition, scope, context, 'Condition');
    const changes = commandType === 'CMD_UPDATE' || commandType === 'CMD_DELETE';
    if (changes && !isChosen && !(joins && matchKind === 'MERGE_WHEN_MATCHED')) context.statement.hasWhere = false;
    if (commandType === 'CMD_DELETE') noteDeleted(merge.relation, target.relation, context);
    if (commandType !== 'CMD_INSERT') {
      readAssignments(targetList, target, scope, context);
      noteUpdated(merge.relation, target.relation, namesOf(targetList), context);
      continue;
    }
    const names = namesOf(targetList);
    const order = names.length > 0 ? names : (target.columns?.map(({ name }) => name) ?? []);
    for (const [index, value] of values?.entries() ?? []) {
      flowInto(target, order[index] ?? '', readExpression(value, scope, context, 'None'), context);
    }
  }
  const returned = readReturning(merge.returningClause, target, scope, context);
  noteRead(merge.relation, target, context);
  for (const verb of actionsOf(merge)) noteAction(verb, merge.relation, context.statement.hasWhere, context);
  return returned;
}

const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['CMD_INSERT', 'INSERT'],
  ['CMD_UPDATE', 'UPDATE'],
  ['CMD_DELETE', 'DELETE'],
]);

function actionsOf({ mergeWhenClauses = [] }: MergeStmt): ReadonlySet<string> {
  const types = mergeWhenClauses.map((node) =>
    'MergeWhenClause' in node ? node.MergeWhenClause.commandType : undefined,
  );
  return new Set(types.flatMap((type) => ACTIONS.get(type ?? '') ?? []));
}

/** COPY ... FROM: names the columns that are written. */
export function readCopyTarget(
  table: RangeVar,
  names: readonly Node[] | undefined,
  where: Node | undefined,
  context: Context,
) {
  const scope = openScope(undefined);
  const target = enterTarget(table, scope, context);
  readWhere(where, target, scope, context);
  // Columns that the server computes are not given.
  const given = target.columns?.filter((_, index) => target.relation?.columns[index]?.expression === undefined);
  const order = names === undefined ? given?.map(({ name }) => name) : stringsOf(names);
  return order?.map((name) => {
    const columns = target.columns?.find((each) => each.name === name)?.value.origin;
    return columns ?? { kind: 'Unknown' as const };
  });
}
