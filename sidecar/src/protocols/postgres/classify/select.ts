import type { Node, SelectStmt } from 'libpg-query';
import { readWith } from './cte.ts';
import { alsoCondition, type Context, recordUse, type Use } from './findings.ts';
import { stringsOf } from './node.ts';
import { type Columns, findColumn, openScope, type Scope } from './scope.ts';
import { readTargets } from './targets.ts';
import { columnsOf, oneOf, UNKNOWN, type Value } from './value.ts';
import { readAll, readExpression, readFrom, readSelect } from './walk.ts';

/** Reads a query; gives its columns. `use` says what becomes of them. */
export function walkSelect(select: SelectStmt, parent: Scope | undefined, context: Context, use: Use): Columns {
  const scope = openScope(parent);
  readWith(select.withClause, scope, context);
  let columns: Columns;
  if (select.op !== undefined && select.op !== 'SETOP_NONE') columns = readSetOperation(select, scope, context, use);
  else if (select.valuesLists !== undefined) columns = readValues(select.valuesLists, scope, context, use);
  else columns = readPlain(select, scope, context, use);
  readSort(select, columns, scope, context);
  for (const limit of [select.limitCount, select.limitOffset]) {
    if (limit !== undefined) readExpression(limit, scope, context, 'Condition');
  }
  return columns;
}

function readPlain(select: SelectStmt, scope: Scope, context: Context, use: Use): Columns {
  for (const item of select.fromClause ?? []) scope.items.push(readFrom(item, scope, context));
  if (select.whereClause !== undefined) readExpression(select.whereClause, scope, context, 'Condition');
  const isDistinct = select.distinctClause !== undefined;
  const columns = readTargets(select.targetList ?? [], scope, context, use);
  for (const item of select.groupClause ?? []) readKey(item, columns, scope, context, 'InputFirst');
  if (select.havingClause !== undefined) readExpression(select.havingClause, scope, context, 'Condition');
  for (const window of select.windowClause ?? []) readExpression(window, scope, context, 'Condition');
  if (isDistinct) readDistinct(select.distinctClause ?? [], columns, scope, context);
  return columns;
}

function readDistinct(distinct: readonly Node[], columns: Columns, scope: Scope, context: Context): void {
  const keys = distinct.filter((node) => Object.keys(node).length > 0);
  if (columns === undefined) context.statement.askOfAll();
  if (keys.length === 0) for (const { value } of columns ?? []) recordUse(context, value.origin, 'Condition');
  for (const key of keys) readKey(key, columns, scope, context, 'OutputFirst');
}

/** A key of GROUP BY, ORDER BY or DISTINCT ON: a position, an output's name, or an expression. */
function readKey(
  node: Node,
  columns: Columns,
  scope: Scope,
  context: Context,
  order: 'InputFirst' | 'OutputFirst',
): void {
  if ('GroupingSet' in node) {
    for (const item of node.GroupingSet.content ?? []) readKey(item, columns, scope, context, order);
    return;
  }
  if ('RowExpr' in node && order === 'InputFirst') {
    for (const item of node.RowExpr.args ?? []) readKey(item, columns, scope, context, order);
    return;
  }
  // Of one shape with what counts as a position are also numbers that do not, which the server refuses.
  if ('A_Const' in node) context.findings.shapeDecides = false;
  if ('A_Const' in node && node.A_Const.ival !== undefined) {
    const column = columns?.[(node.A_Const.ival.ival ?? 0) - 1];
    if (column !== undefined) recordUse(context, column.value.origin, 'Condition');
    else if (columns === undefined) context.findings.incomplete('UnknownColumn', 'A position names no known column.');
    return;
  }
  if ('ColumnRef' in node) {
    const names = stringsOf(node.ColumnRef.fields);
    const [name = ''] = names;
    const isBare = names.length === 1 && node.ColumnRef.fields?.length === 1;
    const isInput = order === 'InputFirst' && isBare && findColumn({ ...scope, parent: undefined }, name) !== undefined;
    if (isBare && !isInput && columns === undefined) context.statement.askOfAll();
    const outputs = isBare && !isInput ? (columns?.filter((column) => column.name === name) ?? []) : [];
    if (outputs.length > 0) {
      for (const { value } of outputs) recordUse(context, value.origin, 'Condition');
      return;
    }
  }
  readExpression(node, scope, context, 'Condition');
}

function readSort(select: SelectStmt, columns: Columns, scope: Scope, context: Context): void {
  for (const item of select.sortClause ?? []) {
    if ('SortBy' in item && item.SortBy.node !== undefined) {
      readKey(item.SortBy.node, columns, scope, context, 'OutputFirst');
    }
  }
}

function readSetOperation(select: SelectStmt, scope: Scope, context: Context, use: Use): Columns {
  const { larg, rarg, op, all } = select;
  if (larg === undefined || rarg === undefined) return undefined;
  // Rows are compared unless it is UNION ALL: what is in the result tells what was equal.
  const compares = op !== 'SETOP_UNION' || all !== true;
  const inner = compares ? alsoCondition(use === 'None' ? 'Condition' : use) : use;
  const left = readSelect(larg, scope, context, inner);
  const right = readSelect(rarg, scope, context, inner);
  const columns = unite(left, right);
  if (compares) {
    for (const { value } of columns ?? []) {
      recordUse(context, value.origin, 'Condition');
      context.findings.meet(value, columnsOf(value.origin));
    }
  }
  return columns;
}

function unite(left: Columns, right: Columns): Columns {
  if (left === undefined || right === undefined) return undefined;
  return left.map(({ name, value }, index) => ({ name, value: oneOf([value, right[index]?.value ?? UNKNOWN]) }));
}

function readValues(lists: readonly Node[], scope: Scope, context: Context, use: Use): Columns {
  const columns: Value[][] = [];
  for (const list of lists) {
    if (!('List' in list)) continue;
    const values = readAll(list.List.items, scope, context, use);
    for (const [index, value] of values.entries()) {
      const column = columns[index];
      if (column === undefined) columns.push([value]);
      else column.push(value);
    }
  }
  return columns.map((values, index) => ({ name: `column${index + 1}`, value: oneOf(values) }));
}
