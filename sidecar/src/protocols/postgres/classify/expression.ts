import type { A_Expr, A_Indirection, ColumnRef, Node, SelectStmt, SubLink, TypeCast } from 'libpg-query';
import { readCall } from './call.ts';
import { readConstructor } from './constructor.ts';
import { alsoCondition, type Context, recordUse, type Use } from './findings.ts';
import { LOOKUP_OPERATORS, TOTAL_OPERATORS } from './function-lists.ts';
import { bodyValues, useFunction } from './function-use.ts';
import { readMember } from './member.ts';
import { childNodes, qualifiedName, stringsOf } from './node.ts';
import { useOperator } from './operator-use.ts';
import {
  columnOf,
  findColumn,
  findSource,
  isChanging,
  isSystemColumn,
  type NamedValue,
  type Scope,
  wholeRow,
} from './scope.ts';
import { castName, isServersType } from './type-name.ts';
import { ABSENT, columnsOf, computed, eitherOf, LITERAL, oneOf, UNKNOWN, type Value } from './value.ts';
import { readAll, readExpression, readOptional, readSelect } from './walk.ts';
import { words } from './words.ts';

/** Where the values of an expression come from; notes all that it uses on the way. Every kind of node is walked, known or not. */
export function walkExpression(node: Node, scope: Scope, context: Context, use: Use): Value {
  const value = walkKind(node, scope, context, use);
  if (value.mixed === true) recordUse(context, value.origin, 'Condition');
  return value;
}

function walkKind(node: Node, scope: Scope, context: Context, use: Use): Value {
  if ('ColumnRef' in node) return readColumn(node.ColumnRef, scope, context, use);
  if ('A_Const' in node) {
    const { isnull, boolval, sval, location = 0 } = node.A_Const;
    if (isnull === true) return ABSENT;
    if (boolval !== undefined) return LITERAL;
    const bulk = Math.floor((sval?.sval?.length ?? 0) / LITERAL_LENGTH);
    return { ...LITERAL, literals: [location], ...(bulk > 1 ? { bulk } : {}) };
  }
  if ('ParamRef' in node) {
    const number = node.ParamRef.number ?? 0;
    context.findings.parametersMax = Math.max(context.findings.parametersMax, number);
    return { ...LITERAL, parameters: [number], bulk: PARAMETER_BULK };
  }
  if ('FuncCall' in node) return readCall(node.FuncCall, scope, context, use);
  if ('A_Expr' in node) return readOperator(node.A_Expr, scope, context, use);
  if ('TypeCast' in node) return readCast(node.TypeCast, scope, context, use);
  if ('SubLink' in node) return readSubLink(node.SubLink, scope, context, use);
  if ('A_Indirection' in node) return readIndirection(node.A_Indirection, scope, context, use);
  if ('SelectStmt' in node) return readSubselect(node.SelectStmt, scope, context, use);
  if ('CollateClause' in node) return readOptional(node.CollateClause.arg, scope, context, use);
  if ('NamedArgExpr' in node) return readOptional(node.NamedArgExpr.arg, scope, context, use);
  if ('CaseExpr' in node) {
    const { arg, args, defresult } = node.CaseExpr;
    const values: Value[] = [];
    const compared: Value[] = [];
    if (arg !== undefined) compared.push(readExpression(arg, scope, context, alsoCondition(use)));
    for (const when of args ?? []) {
      if (!('CaseWhen' in when)) continue;
      const { expr, result } = when.CaseWhen;
      if (expr !== undefined) compared.push(readExpression(expr, scope, context, alsoCondition(use)));
      if (result !== undefined) values.push(readExpression(result, scope, context, use));
    }
    if (defresult !== undefined) values.push(readExpression(defresult, scope, context, use));
    if (arg !== undefined) {
      meetAll(context, compared);
      compared.push(...(useOperator(context, undefined, '=', use) ?? []));
    }
    return eitherOf([...compared, ...values]);
  }
  if ('RangeVar' in node || 'InsertStmt' in node || 'UpdateStmt' in node || 'DeleteStmt' in node) {
    context.findings.incomplete('UnknownSyntax', 'A table or a write stands where an expression is expected.');
    return UNKNOWN;
  }
  return readConstructor(node, scope, context, use);
}

/** Characters of a constant that count as one ordinary value. A text that is read by its shape alone holds none that is longer. */
const LITERAL_LENGTH = 16_384;
/** What a client binds may be as long as a message. */
const PARAMETER_BULK = 100;

function used(column: NamedValue, context: Context, use: Use): Value {
  if (column.changed === true) context.statement.changedReads += 1;
  recordUse(context, column.value.origin, use);
  return column.value;
}

/** The value of a name: a column, a row, or a function written like a column of its argument. */
function readColumn({ fields }: ColumnRef, scope: Scope, context: Context, use: Use): Value {
  const names = stringsOf(fields);
  const endsInStar = fields?.some((field) => 'A_Star' in field) ?? false;
  const [first = '', second] = names;
  if (names.length === 0) {
    // A bare `*` outside of a target list: as in count(*).
    return LITERAL;
  }
  if (names.length === 1 && !endsInStar) {
    const column = findColumn(scope, first);
    if (column !== undefined) return used(column, context, use);
    const source = findSource(scope, undefined, first);
    if (source !== undefined) return used(wholeRow(source), context, use);
    if (isSystemColumn(first)) {
      if (isChanging(scope)) context.statement.changedReads += 1;
      return LITERAL;
    }
    return unknownColumn(first, context);
  }
  if (endsInStar) {
    const source = findSource(scope, names.at(-2), names.at(-1) ?? '');
    return source === undefined ? unknownColumn(`${first}.*`, context) : used(wholeRow(source), context, use);
  }
  // schema.table.column, table.column, or column.field of a composite.
  for (let length = Math.min(names.length - 1, 3); length >= 1; length--) {
    const qualifier = names.slice(0, length);
    const source = findSource(scope, qualifier.at(-2), qualifier.at(-1) ?? '');
    if (source === undefined) continue;
    const column = columnOf(source, names[length] ?? '');
    if (column !== undefined) {
      const value = used(column, context, use);
      return names.length === length + 1 ? value : computed([value, value]);
    }
    // `c.f` calls the function f with the row of c.
    const call = useFunction(context, undefined, names[length] ?? '', 1);
    const row = used(wholeRow(source), context, alsoCondition(use));
    return call.candidates.length === 0 || call.unknownResult
      ? UNKNOWN
      : computed([row, ...bodyValues(call, context, use)]);
  }
  return unknownColumn(second === undefined ? first : `${first}.${second}`, context);
}

function unknownColumn(name: string, context: Context): Value {
  context.findings.incomplete('UnknownColumn', `The catalog has no column ${name} here.`);
  return UNKNOWN;
}

/** Notes that the literals and parameters among these are compared with the columns among them. */
export function meetAll(context: Context, values: readonly Value[]): void {
  const columns = values.flatMap(({ origin }) => columnsOf(origin));
  for (const value of values) context.findings.meet(value, columns);
}

function readOperator(expression: A_Expr, scope: Scope, context: Context, use: Use): Value {
  const member = readMember(expression, scope, context);
  if (member !== undefined) {
    const values = [used({ ...member.column, value: member.value }, context, use), ...member.keys];
    meetAll(context, values);
    return computed(values);
  }
  const { kind, name, lexpr, rexpr } = expression;
  const operator = qualifiedName(name);
  const given = useOperator(context, operator.schema, operator.name, use);
  const isServers = given === undefined && kind === 'AEXPR_OP';
  const isTotal = isServers && TOTAL_OPERATORS.has(operator.name) && !context.findings.measured;
  const isLookup = LOOKUP_OPERATORS.has(operator.name);
  const values: Value[] = [];
  for (const side of [lexpr, rexpr]) {
    const inner = isTotal && !(isLookup && side === rexpr) ? use : alsoCondition(use);
    const items = side === undefined ? [] : 'List' in side ? (side.List.items ?? []) : [side];
    for (const item of items) values.push(readExpression(item, scope, context, inner));
  }
  meetAll(context, values);
  const value = computed([...values, ...(given ?? [])]);
  if (!SMALL_RESULTS.has(operator.name)) return value;
  const { origin, literals, parameters } = value;
  return { origin, literals, parameters };
}

/** What these give is a number or a truth value, however large the sides are. */
const SMALL_RESULTS = words('+ * / % ^ = < > <= >= <> != ~ ~* !~ !~* ~~ ~~* !~~ !~~*');

const NUMBER_TYPES = words('numeric timestamp timestamptz time timetz interval varchar');
const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'name', 'citext']);

function readCast({ arg, typeName }: TypeCast, scope: Scope, context: Context, use: Use): Value {
  const type = qualifiedName(typeName?.names);
  const given: Value[] = [];
  if (context.findings.names.changed.has(castName(type.name))) {
    context.findings.stale(`Casts to ${type.name} were`);
  }
  for (const { schema, name } of context.findings.catalog.castFunctions(type.name)) {
    const call = useFunction(context, schema, name, undefined);
    given.push(...(call.unknownResult ? [UNKNOWN] : bodyValues(call, context, use)));
  }
  const isWhole = typeName?.arrayBounds === undefined && typeName?.typmods === undefined;
  const keeps = isWhole && TEXT_TYPES.has(type.name) && isServersType(typeName, context.findings);
  const value = readOptional(arg, scope, context, keeps ? use : alsoCondition(use));
  // A cast to text shows the value as it is. Any other may change it, or fail and tell by that.
  // A name is cut after 63 bytes: what is at its end was in the middle.
  if (keeps && given.length === 0) return type.name === 'name' ? computed([value]) : value;
  // `char(1000000)` and `bit(1000000)` fill up.
  const bulk = typeName?.typmods === undefined ? {} : { bulk: Number.POSITIVE_INFINITY };
  const isNumber = NUMBER_TYPES.has(type.name);
  return { ...value, ...(isNumber ? {} : bulk), origin: computed([value, ...given]).origin };
}

function readSubLink(link: SubLink, scope: Scope, context: Context, use: Use): Value {
  const { subLinkType, testexpr, subselect, operName } = link;
  if (subselect === undefined || !('SelectStmt' in subselect)) return UNKNOWN;
  if (subLinkType === 'EXISTS_SUBLINK') {
    readSelect(subselect.SelectStmt, scope, context, 'None');
    return LITERAL;
  }
  if (subLinkType === 'EXPR_SUBLINK') return readSubselect(subselect.SelectStmt, scope, context, use);
  if (subLinkType === 'ARRAY_SUBLINK') {
    const value = computed([readSubselect(subselect.SelectStmt, scope, context, use)]);
    if (value.shaped === true) recordUse(context, value.origin, 'Condition');
    return { ...value, bulk: Number.POSITIVE_INFINITY };
  }
  const columns = readSelect(subselect.SelectStmt, scope, context, alsoCondition(use));
  const test = readOptional(testexpr, scope, context, alsoCondition(use));
  const { schema, name } = operName === undefined ? { schema: undefined, name: '=' } : qualifiedName(operName);
  const given = useOperator(context, schema, name, alsoCondition(use)) ?? [];
  const values = [test, ...(columns?.map(({ value }) => value) ?? [UNKNOWN]), ...given];
  meetAll(context, values);
  return computed(values);
}

/** A query as a value: its first column, or its row when there are more. */
function readSubselect(select: SelectStmt, scope: Scope, context: Context, use: Use): Value {
  const columns = readSelect(select, scope, context, use);
  return columns === undefined ? UNKNOWN : oneOf(columns.map(({ value }) => value));
}

/** `x[1]`, `(row).field`, `(f(x)).field`. */
function readIndirection({ arg, indirection }: A_Indirection, scope: Scope, context: Context, use: Use): Value {
  if (arg === undefined) return UNKNOWN;
  const [first] = indirection ?? [];
  if (first !== undefined && 'String' in first && 'ColumnRef' in arg && indirection?.length === 1) {
    const names = stringsOf(arg.ColumnRef.fields);
    const isRow = names.length === 1 && findColumn(scope, names[0] ?? '') === undefined;
    const source = isRow ? findSource(scope, undefined, names[0] ?? '') : undefined;
    const column = source === undefined ? undefined : columnOf(source, first.String.sval ?? '');
    if (column !== undefined) return used(column, context, use);
  }
  const values = [readExpression(arg, scope, context, use)];
  for (const step of indirection ?? []) {
    if ('A_Indices' in step) values.push(...readAll(childNodes(step.A_Indices), scope, context, alsoCondition(use)));
  }
  return computed(values);
}
