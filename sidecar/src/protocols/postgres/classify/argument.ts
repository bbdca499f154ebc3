import type { FuncCall, Node } from 'libpg-query';
import { isPlainFormat } from './bulk.ts';
import type { Findings } from './findings.ts';
import { isSubject } from './function-lists.ts';
import { qualifiedName, stringsOf } from './node.ts';
import { isRow, isStored, type Scope } from './scope.ts';
import { isServersType } from './type-name.ts';
import { words } from './words.ts';

/** They fail on what is no object of JSON, and give a row for each of its keys. */
const UNFOLDING = words('jsonb_each jsonb_each_text json_each json_each_text');
/** What these give of a row is always an object with the same keys. */
const FOLDING = words('to_json to_jsonb row_to_json');
/** A sum of what the statement itself chose beside a column overflows for some values and not for others. */
const SUMMING = words('sum avg');

/** Whether a call of a total function gives the same kind of answer whatever this argument's value is. */
export function isSafeArgument(call: FuncCall, name: string, index: number, scope: Scope, findings: Findings): boolean {
  const { args = [] } = call;
  const argument = args[index];
  // The run of a statement is measured: how long a text is can be read off the figures.
  if (findings.measured || argument === undefined || !isSubject(name, index)) return false;
  // By names the arguments may come in any order.
  if (args.some((each) => 'NamedArgExpr' in each)) return false;
  if (name === 'substring') return args.slice(1).every((each) => isInteger(each, findings));
  if (name === 'format') return call.func_variadic !== true && isPlainFormat(args, findings);
  if (UNFOLDING.has(name)) return isRowAsJson(argument, scope);
  if (SUMMING.has(name)) return 'ColumnRef' in argument && isStored(scope, stringsOf(argument.ColumnRef.fields));
  // Keys and values come as one array then.
  return !(name.endsWith('_build_object') && call.func_variadic === true);
}

const INTEGERS = words('int2 int4 int8');

/** A place in a text. Anything else may be a pattern, which gives NULL where it does not match. */
function isInteger(node: Node, findings: Findings): boolean {
  if ('A_Const' in node) return node.A_Const.ival !== undefined;
  if (!('TypeCast' in node)) return false;
  const { typeName } = node.TypeCast;
  return INTEGERS.has(qualifiedName(typeName?.names).name) && isServersType(typeName, findings);
}

/** `to_jsonb(c)` where `c` is a row. */
function isRowAsJson(node: Node, scope: Scope): boolean {
  if (!('FuncCall' in node) || !FOLDING.has(qualifiedName(node.FuncCall.funcname).name)) return false;
  const [row] = node.FuncCall.args ?? [];
  if (row === undefined) return false;
  return 'RowExpr' in row || ('ColumnRef' in row && isRow(scope, stringsOf(row.ColumnRef.fields)));
}
