import type { JsonKeyValue, JsonOutput, JsonValueExpr, Node } from 'libpg-query';
import { alsoCondition, type Context, recordUse, type Use } from './findings.ts';
import { isTotal, TOTAL_OPERATORS } from './function-lists.ts';
import { childNodes, kindOf, qualifiedName } from './node.ts';
import type { Scope } from './scope.ts';
import { isServersType } from './type-name.ts';
import { computed, eitherOf, type Value } from './value.ts';
import { readAll, readExpression, readOptional } from './walk.ts';
import { words } from './words.ts';

/** An expression of a kind that has no reader of its own: what stands in it is put together, chosen from, or looked at. */
export function readConstructor(node: Node, scope: Scope, context: Context, use: Use): Value {
  if ('CoalesceExpr' in node) return readCoalesce(node.CoalesceExpr.args ?? [], scope, context, use);
  if ('BoolExpr' in node) {
    // Whether one side decides, and whether the result is NULL, tells about the other.
    const inner = node.BoolExpr.boolop === 'NOT_EXPR' ? use : alsoCondition(use);
    return computed(readAll(node.BoolExpr.args, scope, context, inner));
  }
  if ('JsonKeyValue' in node) return readPair(node.JsonKeyValue, scope, context, use);
  if ('JsonObjectAgg' in node) {
    const { arg = {}, unique, constructor } = node.JsonObjectAgg;
    const inner = unique !== true && isPlainOutput(constructor?.output, context) ? use : alsoCondition(use);
    const decided = readAll(childNodes(constructor), scope, context, 'Condition');
    return collected([readPair(arg, scope, context, inner), ...decided], context);
  }
  if ('JsonArrayAgg' in node) {
    const { arg, constructor } = node.JsonArrayAgg;
    const inner = isPlainValue(arg) && isPlainOutput(constructor?.output, context) ? use : alsoCondition(use);
    const decided = readAll(childNodes(constructor), scope, context, 'Condition');
    return collected([...readAll(childNodes(arg), scope, context, inner), ...decided], context);
  }
  const inner = isTransparent(node, context) ? use : alsoCondition(use);
  const value = computed(readAll(childNodes(Object.values(node)[0]), scope, context, inner));
  if ('RowExpr' in node) return { ...value, composite: true };
  if ('MinMaxExpr' in node && value.composite === true) recordUse(context, value.origin, 'Condition');
  return 'JsonArrayQueryConstructor' in node ? collected([value], context) : value;
}

/** The values of many rows in one. */
function collected(values: readonly Value[], context: Context): Value {
  const value = computed(values);
  if (value.shaped === true) recordUse(context, value.origin, 'Condition');
  return { ...value, bulk: Number.POSITIVE_INFINITY };
}

/** Kinds of node that put values together without looking at them. Any other may fail on a value, and tell by that. */
const TRANSPARENT = words(
  'RowExpr A_ArrayExpr NullTest BooleanTest MinMaxExpr GroupingFunc List SQLValueFunction ResTarget',
);
const TRANSPARENT_XML = words('IS_XMLELEMENT IS_XMLFOREST IS_XMLCONCAT');

function isTransparent(node: Node, context: Context): boolean {
  if ('XmlExpr' in node) return TRANSPARENT_XML.has(node.XmlExpr.op ?? '');
  if ('JsonObjectConstructor' in node) {
    const { unique, output } = node.JsonObjectConstructor;
    return unique !== true && isPlainOutput(output, context);
  }
  if ('JsonArrayConstructor' in node) return isPlainOutput(node.JsonArrayConstructor.output, context);
  if ('JsonArrayQueryConstructor' in node) {
    const { output, format } = node.JsonArrayQueryConstructor;
    return isPlainOutput(output, context) && isPlainFormat(format?.format_type);
  }
  if ('JsonScalarExpr' in node) return isPlainOutput(node.JsonScalarExpr.output, context);
  if ('JsonValueExpr' in node) return isPlainValue(node.JsonValueExpr);
  return TRANSPARENT.has(kindOf(node));
}

/** A key of an object: whether it is there can be asked of the object, and NULL is refused. */
function readPair({ key, value }: JsonKeyValue, scope: Scope, context: Context, use: Use): Value {
  const inner = isPlainValue(value) ? use : alsoCondition(use);
  const name = readOptional(key, scope, context, alsoCondition(use));
  return computed([name, ...readAll(childNodes(value), scope, context, inner)]);
}

/** FORMAT JSON takes a text apart, and fails on what is none. */
function isPlainValue(value: JsonValueExpr | undefined): boolean {
  return isPlainFormat(value?.format?.format_type);
}

function isPlainFormat(type: string | undefined): boolean {
  return type === undefined || type === 'JS_FORMAT_DEFAULT';
}

const JSON_TYPES = words('json jsonb text');

/** Any other type may be too short. */
function isPlainOutput(output: JsonOutput | undefined, { findings }: Context): boolean {
  const { typeName } = output ?? {};
  if (typeName === undefined) return true;
  const { names, typmods } = typeName;
  return typmods === undefined && JSON_TYPES.has(qualifiedName(names).name) && isServersType(typeName, findings);
}

/** A later argument is looked at only when the earlier ones are NULL: by failing it would tell that. */
function readCoalesce(args: readonly Node[], scope: Scope, context: Context, use: Use): Value {
  const firstSure = args.findLastIndex((arg) => !cannotFail(arg)) + 1;
  return eitherOf(
    args.map((arg, index) => readExpression(arg, scope, context, index + 1 < firstSure ? alsoCondition(use) : use)),
  );
}

/** True for what is sure to give a value or NULL: constants, columns, and what total functions make of them. */
function cannotFail(node: Node): boolean {
  if ('ColumnRef' in node || 'A_Const' in node || 'ParamRef' in node || 'SQLValueFunction' in node) return true;
  if ('TypeCast' in node) return node.TypeCast.arg !== undefined && 'A_Const' in node.TypeCast.arg;
  if ('CoalesceExpr' in node) return node.CoalesceExpr.args?.every(cannotFail) === true;
  if ('FuncCall' in node) {
    return isTotal(qualifiedName(node.FuncCall.funcname).name) && (node.FuncCall.args ?? []).every(cannotFail);
  }
  if (!('A_Expr' in node) || !TOTAL_OPERATORS.has(qualifiedName(node.A_Expr.name).name)) return false;
  return [node.A_Expr.lexpr, node.A_Expr.rexpr].every((side) => side === undefined || cannotFail(side));
}
