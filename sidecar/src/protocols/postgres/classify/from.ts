import type { Alias, JoinExpr, Node, RangeFunction, RangeVar } from 'libpg-query';
import { readCallWhole } from './call.ts';
import { readCte } from './cte.ts';
import { type Context, recordUse } from './findings.ts';
import { childNodes, qualifiedName, stringsOf } from './node.ts';
import { useOperator } from './operator-use.ts';
import { holdsNoRows } from './plain-array.ts';
import {
  type Columns,
  type FromItem,
  findCte,
  type NamedValue,
  openScope,
  rename,
  type Scope,
  type Source,
} from './scope.ts';
import { readTable, tableColumns } from './table.ts';
import { computed, LITERAL, oneOf, UNKNOWN, type Value } from './value.ts';
import { readAll, readExpression, readFrom, readOptional, readSelect } from './walk.ts';

/** One item of a FROM list. `scope` holds the items before it, which only lateral items see. */
export function walkFrom(node: Node, scope: Scope, context: Context): FromItem {
  if ('RangeVar' in node) return readRangeVar(node.RangeVar, scope, context);
  if ('JoinExpr' in node) return readJoin(node.JoinExpr, scope, context);
  if ('RangeSubselect' in node) {
    const { subquery, alias, lateral } = node.RangeSubselect;
    if (subquery === undefined || !('SelectStmt' in subquery)) return unknownItem(alias);
    const outside = lateral === true ? scope : { ...scope, items: [] };
    const columns = readSelect(subquery.SelectStmt, outside, context, 'Output');
    if (columns === undefined) context.statement.askOfAll();
    return named(alias, columns);
  }
  if ('RangeFunction' in node) return readRangeFunction(node.RangeFunction, scope, context);
  if ('RangeTableSample' in node) {
    const { relation, args, repeatable } = node.RangeTableSample;
    readAll(args, scope, context, 'Condition');
    readOptional(repeatable, scope, context, 'Condition');
    return relation === undefined ? unknownItem(undefined) : readFrom(relation, scope, context);
  }
  if ('RangeTableFunc' in node) {
    const { alias, columns, ...inputs } = node.RangeTableFunc;
    const value = computed(readAll(childNodes([inputs, columns]), scope, context, 'Both'));
    return named(alias, columnsNamed(columns, value));
  }
  if ('JsonTable' in node) {
    const { alias, columns, ...inputs } = node.JsonTable;
    // What stands in for what is not there (DEFAULT ... ON EMPTY) may call functions.
    const value = computed(readAll(childNodes([inputs, columns]), scope, context, 'Both'));
    return named(alias, columnsNamed(columns, value));
  }
  context.findings.incomplete('UnknownSyntax', 'A FROM item is of a kind that is not known.');
  return unknownItem(undefined);
}

function unknownItem(alias: Alias | undefined): FromItem {
  return {
    sources: [{ name: alias?.aliasname ?? '', schema: undefined, columns: undefined }],
    star: undefined,
  };
}

/** A FROM item with one source. */
export function named(alias: Alias | undefined, columns: Columns, fallback?: Value): FromItem {
  const renamed = rename(columns, stringsOf(alias?.colnames));
  const rest = fallback === undefined ? {} : { fallback };
  return {
    sources: [{ name: alias?.aliasname ?? '', schema: undefined, columns: renamed, ...rest }],
    star: renamed,
    ...rest,
  };
}

function columnsNamed(nodes: readonly Node[] | undefined, value: Value): Columns {
  const columns: NamedValue[] = [];
  for (const node of nodes ?? []) {
    if ('RangeTableFuncCol' in node) columns.push({ name: node.RangeTableFuncCol.colname ?? '', value });
    else if ('JsonTableColumn' in node) {
      const { name, columns: nested, coltype } = node.JsonTableColumn;
      if (coltype === 'JTC_NESTED') columns.push(...(columnsNamed(nested, value) ?? []));
      else columns.push({ name: name ?? '', value });
    } else return undefined;
  }
  return columns;
}

function readRangeVar(table: RangeVar, scope: Scope, context: Context): FromItem {
  const { schemaname, relname = '', alias } = table;
  const cte = schemaname === undefined ? findCte(scope, relname) : undefined;
  if (cte !== undefined) return named(alias ?? { aliasname: relname }, readCte(cte, context));
  const relation = readTable(table, 'Read', context);
  const columns = relation === undefined ? undefined : tableColumns(relation, context);
  const renamed = rename(columns, stringsOf(alias?.colnames));
  const source: Source = {
    name: alias?.aliasname ?? relname,
    schema: alias === undefined ? relation?.schema : undefined,
    columns: renamed,
    ...(relation === undefined ? {} : { relation: relation.oid }),
  };
  return { sources: [source], star: renamed };
}

function readJoin(join: JoinExpr, scope: Scope, context: Context): FromItem {
  const { larg, rarg, usingClause, isNatural, quals, alias, join_using_alias } = join;
  if (larg === undefined || rarg === undefined) return unknownItem(alias);
  const left = readFrom(larg, scope, context);
  const right = readFrom(rarg, { ...scope, items: [...scope.items, left] }, context);
  let shared = stringsOf(usingClause);
  if (isNatural === true) {
    if (left.star === undefined || right.star === undefined) {
      context.findings.incomplete('UnknownColumn', 'A NATURAL JOIN joins by columns that are not known.');
    }
    const rightNames = new Set(right.star?.map(({ name }) => name));
    shared = left.star?.map(({ name }) => name).filter((name) => rightNames.has(name)) ?? [];
  }
  const merged = shared.map((name) => mergeColumn(name, left, right, context));
  if (quals !== undefined) {
    const inside = openScope(scope);
    inside.items.push(left, right);
    readExpression(quals, inside, context, 'Condition');
  }
  const isShared = ({ name }: NamedValue) => shared.includes(name);
  const star =
    left.star === undefined || right.star === undefined
      ? undefined
      : [...merged, ...left.star.filter((each) => !isShared(each)), ...right.star.filter((each) => !isShared(each))];
  const fallback = oneOf([left.fallback ?? UNKNOWN, right.fallback ?? UNKNOWN]);
  if (alias !== undefined) return named(alias, star, star === undefined ? fallback : undefined);
  const using: Source[] =
    join_using_alias === undefined
      ? []
      : [{ name: join_using_alias.aliasname ?? '', schema: undefined, columns: merged }];
  return { sources: [...left.sources, ...right.sources, ...using], star, fallback };
}

function mergeColumn(name: string, left: FromItem, right: FromItem, context: Context): NamedValue {
  const values = [left, right].map((item) => {
    const found = item.star?.filter((column) => column.name === name).map(({ value }) => value) ?? [];
    return found.length === 0 ? (item.fallback ?? UNKNOWN) : oneOf(found);
  });
  for (const { origin } of values) recordUse(context, origin, 'Condition');
  useOperator(context, undefined, '=', 'Condition');
  return { name, value: oneOf(values) };
}

function readRangeFunction(range: RangeFunction, scope: Scope, context: Context): FromItem {
  const { functions, alias, coldeflist, ordinality } = range;
  const columns: NamedValue[] = [];
  const fallbacks: Value[] = [];
  let isKnown = true;
  const items = (functions ?? []).flatMap(splitUnnest);
  // Only one function has its plain column called by the alias.
  const only = items.length === 1 ? alias : undefined;
  for (const item of items) {
    const [call, definitions] = 'List' in item ? (item.List.items ?? []) : [item];
    if (call === undefined) continue;
    const own = definitions !== undefined && 'List' in definitions ? definitions.List.items : undefined;
    const read = readFunctionColumns(call, own ?? coldeflist, only, scope, context);
    fallbacks.push(read.fallback);
    if (read.columns === undefined) isKnown = false;
    else columns.push(...read.columns);
  }
  if (ordinality === true) columns.push({ name: 'ordinality', value: LITERAL });
  const name = alias ?? { aliasname: columns[0]?.name ?? '' };
  return named(name, isKnown ? columns : undefined, computed(fallbacks));
}

/** As the server does: `unnest(a, b)` in FROM is `ROWS FROM (unnest(a), unnest(b))`. */
function splitUnnest(item: Node): readonly Node[] {
  const [call] = 'List' in item ? (item.List.items ?? []) : [item];
  if (call === undefined || !('FuncCall' in call)) return [item];
  const { funcname, args = [] } = call.FuncCall;
  const { schema = 'pg_catalog', name } = qualifiedName(funcname);
  if (name !== 'unnest' || schema !== 'pg_catalog' || args.length < 2) return [item];
  return args.map((arg) => ({ FuncCall: { ...call.FuncCall, args: [arg] } }));
}

interface FunctionColumns {
  readonly columns: Columns;
  readonly fallback: Value;
}

function readFunctionColumns(
  node: Node,
  definitions: readonly Node[] | undefined,
  alias: Alias | undefined,
  scope: Scope,
  context: Context,
): FunctionColumns {
  const isCall = 'FuncCall' in node;
  const read = isCall ? readCallWhole(node.FuncCall, scope, context, 'Output') : undefined;
  const value = read?.value ?? readExpression(node, scope, context, 'Output');
  const name = isCall ? (stringsOf(node.FuncCall.funcname).at(-1) ?? '') : '';
  if (definitions !== undefined && definitions.length > 0) {
    const columns = definitions.map((each) => ({
      name: 'ColumnDef' in each ? (each.ColumnDef.colname ?? '') : '',
      value,
    }));
    return { columns, fallback: value };
  }
  // Of the functions named unnest, only that of arrays is called in practice; the others take text search vectors and ranges.
  const isPlain = isCall
    ? name === 'unnest' && holdsNoRows(node.FuncCall.args, scope, context)
    : 'SQLValueFunction' in node;
  const outputs = isPlain ? [''] : name === 'unnest' ? undefined : resultColumns(read?.reading?.candidates, context);
  // A function that gives one plain column names it by its alias.
  const own = read?.reading?.bodies.length === 1 ? read.reading.bodies[0]?.columns : undefined;
  const columns = outputs?.map((output, index) => ({
    name: output === '' ? (alias?.aliasname ?? name) : output,
    value:
      own?.length === outputs.length ? computed([...(read?.arguments ?? []), own[index]?.value ?? UNKNOWN]) : value,
  }));
  return { columns, fallback: value };
}

type Candidates = NonNullable<ReturnType<typeof readCallWhole>['reading']>['candidates'];

/** The names of a function's result columns, when all that the call may mean agree. */
function resultColumns(candidates: Candidates | undefined, context: Context): readonly string[] | undefined {
  if (candidates === undefined) return undefined;
  let agreed: readonly string[] | undefined;
  for (const candidate of candidates) {
    const row = candidate.returnsRow === undefined ? undefined : context.findings.catalog.byOid(candidate.returnsRow);
    const names = candidate.outputs ?? row?.columns.map((column) => column.name);
    if (names === undefined) return undefined;
    if (
      agreed !== undefined &&
      (agreed.length !== names.length || agreed.some((name, index) => name !== names[index]))
    ) {
      return undefined;
    }
    agreed = names;
  }
  return agreed;
}
