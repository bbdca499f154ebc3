import type { FuncCall, Node } from 'libpg-query';
import { isSafeArgument } from './argument.ts';
import { bulkOfCall, isCollecting, isLarge, isShaping } from './bulk.ts';
import { alsoCondition, type Context, recordUse, type Use } from './findings.ts';
import { bodyValues, type CallReading, useFunction } from './function-use.ts';
import { childNodes, qualifiedName, stringsOf } from './node.ts';
import { columnOf, findColumn, findSource, type Scope } from './scope.ts';
import { settingOfCall } from './settings.ts';
import { computed, LITERAL, UNKNOWN, type Value } from './value.ts';
import { readAll, readExpression, readOptional } from './walk.ts';
import { words } from './words.ts';

/** A call with what is known of the function, for those who need the columns of its result. */
export interface ReadCall {
  readonly value: Value;
  readonly arguments: readonly Value[];
  readonly reading: CallReading | undefined;
}

/** The value of a call. */
export function readCall(call: FuncCall, scope: Scope, context: Context, use: Use): Value {
  return readCallWhole(call, scope, context, use).value;
}

/** The value of a call and what is known of the function. */
export function readCallWhole(call: FuncCall, scope: Scope, context: Context, use: Use): ReadCall {
  const { schema, name } = qualifiedName(call.funcname);
  const column = readAttribute(call, name, schema, scope, context, use);
  if (column !== undefined) return { value: column, arguments: [column], reading: undefined };
  if (name === 'set_config' && settingOfCall(context.findings, call) !== undefined) {
    readOptional(call.args?.[1], scope, context, 'Condition');
    context.statement.addFunction({ schema: 'pg_catalog', name, volatility: 'Volatile' });
    return { value: LITERAL, arguments: [], reading: undefined };
  }
  const count = call.func_variadic === true ? undefined : (call.args?.length ?? 0);
  const reading = useFunction(context, schema, name, call.agg_within_group === true ? undefined : count);
  const isCount = name === 'count' && call.agg_distinct !== true && isPlainColumn(call.args);
  const values = readArguments(call, name, reading, scope, context, isCount ? 'None' : use);
  const deciding = readDeciding(call, values, scope, context);
  // How many rows have a value is not the value.
  if (isCount) return { value: computed(deciding), arguments: values, reading };
  if (reading.unknownResult) return { value: UNKNOWN, arguments: values, reading };
  meetBodies(values, reading, context);
  const value = computed([...values, ...deciding, ...bodyValues(reading, context, use)]);
  const sized = sizedCall(call, name, value, values, context);
  const isRow = reading.candidates.some(({ returnsRow }) => returnsRow !== undefined);
  return { value: isRow ? { ...sized, composite: true } : sized, arguments: values, reading };
}

/** They compare the values that they are given. */
const COMPARING = words('min max');

/** The result with what is known of its size. Where that, or whether it fits, tells about the arguments, they count as asked about. */
function sizedCall(call: FuncCall, name: string, value: Value, values: readonly Value[], context: Context): Value {
  const isShaped = isShaping(name, values);
  const bulk = bulkOfCall(name, call, values, context.findings);
  const tells =
    (isShaped && bulk !== undefined && isLarge(bulk)) ||
    (isCollecting(name) && values.some(({ shaped }) => shaped)) ||
    (COMPARING.has(name) && value.composite === true);
  if (tells) recordUse(context, value.origin, 'Condition');
  if (!isShaped && bulk === undefined) return value;
  return { ...value, ...(bulk === undefined ? {} : { bulk }), ...(isShaped ? { shaped: true } : {}) };
}

/** Literals among the arguments meet what the body compares its parameters with. */
function meetBodies(values: readonly Value[], { bodies }: CallReading, context: Context): void {
  for (const { parameters } of bodies) {
    for (const [index, value] of values.entries()) context.findings.meet(value, parameters.get(index + 1) ?? []);
  }
}

function readArguments(
  call: FuncCall,
  name: string,
  reading: CallReading,
  scope: Scope,
  context: Context,
  use: Use,
): Value[] {
  return (call.args ?? []).map((argument, index) => {
    const isSafe = reading.total && isSafeArgument(call, name, index, scope, context.findings);
    return readExpression(argument, scope, context, isSafe ? use : alsoCondition(use));
  });
}

/** What decides about the rows that an aggregate or window call sees. */
function readDeciding(call: FuncCall, values: readonly Value[], scope: Scope, context: Context): Value[] {
  if (call.agg_distinct === true) for (const { origin } of values) recordUse(context, origin, 'Condition');
  const deciding = readAll(call.agg_order, scope, context, 'Condition');
  if (call.agg_filter !== undefined) deciding.push(readExpression(call.agg_filter, scope, context, 'Condition'));
  return [...deciding, ...readFuncWindow(call, scope, context)];
}

function isPlainColumn(args: readonly Node[] | undefined): boolean {
  if (args === undefined || args.length === 0) return true;
  const [only] = args;
  return args.length === 1 && only !== undefined && 'ColumnRef' in only;
}

/** `email(c)` reads the column `email` of the row `c`. */
function readAttribute(
  call: FuncCall,
  name: string,
  schema: string | undefined,
  scope: Scope,
  context: Context,
  use: Use,
): Value | undefined {
  const [only] = call.args ?? [];
  if (schema !== undefined || call.args?.length !== 1 || only === undefined || !('ColumnRef' in only)) return undefined;
  const names = stringsOf(only.ColumnRef.fields);
  const [first = ''] = names;
  if (names.length !== 1 || findColumn(scope, first) !== undefined) return undefined;
  const source = findSource(scope, undefined, first);
  if (source?.columns === undefined) return undefined;
  const column = columnOf(source, name);
  if (column === undefined) return undefined;
  if (context.findings.catalog.functions(name).length > 0) {
    // A function of that name may be meant as well: then the whole row goes in.
    readExpression(only, scope, context, alsoCondition(use));
  }
  if (column.changed === true) context.statement.changedReads += 1;
  recordUse(context, column.value.origin, use);
  return column.value;
}

/** The window of a call, or one that WINDOW names: what it orders and parts by decides. */
function readFuncWindow(call: FuncCall, scope: Scope, context: Context): Value[] {
  const { over } = call;
  if (over === undefined) return [];
  return readAll(
    [...(over.partitionClause ?? []), ...(over.orderClause ?? []), ...childNodes([over.startOffset, over.endOffset])],
    scope,
    context,
    'Condition',
  );
}
