import type { A_Const, A_Expr, ColumnRef, Node } from 'libpg-query';
import type { Context } from './findings.ts';
import { LOOKUP_OPERATORS } from './function-lists.ts';
import { qualifiedName, stringsOf } from './node.ts';
import { columnOf, findColumn, findSource, type NamedValue, type Scope } from './scope.ts';
import { isServersType } from './type-name.ts';
import { LITERAL, type Value } from './value.ts';

/** The path of a text array whose elements need no quotes: `{a,b}`. */
const PLAIN_PATH = /^\{[^{}"\\,\s]+(?:,[^{}"\\,\s]+)*\}$/;

/** A column of documents, and what is looked up in it. */
export interface Member {
  readonly column: NamedValue;
  /** Of that part of the document alone. */
  readonly value: Value;
  /** The constants that name it. */
  readonly keys: readonly Value[];
}

/**
 * `data -> 'a' ->> 'b'` and `data #>> '{a,b}'` where `data` is a column of JSON and the keys are constants: nothing is used of the document but
 * what they lead to. Undefined for anything else, which may show all of it.
 */
export function readMember(expression: A_Expr, scope: Scope, context: Context): Member | undefined {
  const steps: string[][] = [];
  const places: number[] = [];
  let node: Node | undefined = { A_Expr: expression };
  while (node !== undefined && 'A_Expr' in node) {
    const { kind, name, lexpr, rexpr }: A_Expr = node.A_Expr;
    const operator = qualifiedName(name);
    if (kind !== 'AEXPR_OP' || !isLookup(operator, context)) return undefined;
    const key = rexpr === undefined ? undefined : constantOf(rexpr, context);
    if (key === undefined) return undefined;
    const { location = 0 } = key;
    // Also where it names nothing: another constant in its place could.
    context.findings.keys.add(location);
    const path = pathOf(operator.name, key);
    if (path === undefined) return undefined;
    steps.unshift([...path]);
    places.push(location);
    node = lexpr;
  }
  const column = node !== undefined && 'ColumnRef' in node ? namedBy(node.ColumnRef, scope) : undefined;
  const origin = column?.value.origin;
  if (column === undefined || origin?.kind !== 'Column') return undefined;
  const { schema, table, column: name } = origin;
  if (context.findings.catalog.holdsJson?.(schema, table, name) !== true) return undefined;
  const value = {
    ...column.value,
    origin: { kind: 'Computed' as const, columns: [{ schema, table, column: name, member: steps.flat() }] },
  };
  return { column, value, keys: places.map((place) => ({ ...LITERAL, literals: [place] })) };
}

/** The server's own, whatever else has its name. */
function isLookup({ schema, name }: ReturnType<typeof qualifiedName>, { findings }: Context): boolean {
  if (!LOOKUP_OPERATORS.has(name)) return false;
  if (schema === 'pg_catalog') return true;
  return (
    schema === undefined && findings.catalog.operatorFunctions(name).length === 0 && !findings.names.changed.has(name)
  );
}

/** A constant, also where it is said to be a text, as in definitions of views. */
function constantOf(node: Node, { findings }: Context): A_Const | undefined {
  if ('A_Const' in node) return node.A_Const;
  if (!('TypeCast' in node)) return undefined;
  const { arg, typeName } = node.TypeCast;
  const isText = qualifiedName(typeName?.names).name === 'text' && isServersType(typeName, findings);
  return isText && arg !== undefined && 'A_Const' in arg ? arg.A_Const : undefined;
}

/** The steps that a constant names; undefined where that is not sure. */
function pathOf(operator: string, { isnull, sval, ival }: A_Const): readonly string[] | undefined {
  const text = sval?.sval ?? (sval === undefined ? undefined : '');
  if (isnull === true) return undefined;
  if (operator.startsWith('-'))
    return ival === undefined ? (text === undefined ? undefined : [text]) : [String(ival.ival ?? 0)];
  if (text === undefined || !PLAIN_PATH.test(text)) return undefined;
  const steps = text.slice(1, -1).split(',');
  return steps.some((step) => step.toUpperCase() === 'NULL') ? undefined : steps;
}

/** The column of a table in sight that a name means. */
function namedBy({ fields }: ColumnRef, scope: Scope): NamedValue | undefined {
  const names = stringsOf(fields);
  if (names.length !== fields?.length) return undefined;
  const [first = '', second = ''] = names;
  if (names.length === 1) return findColumn(scope, first);
  // `t.c`, where `t` is no column itself.
  if (names.length !== 2) return undefined;
  const source = findSource(scope, undefined, first);
  return source === undefined ? undefined : columnOf(source, second);
}
