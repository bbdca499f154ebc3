import type { Node } from 'libpg-query';
import { SERVER_OIDS_MAX } from '../catalog.ts';
import type { Context } from './findings.ts';
import { qualifiedName, stringsOf } from './node.ts';
import { columnOf, findColumn, findSource, type Scope } from './scope.ts';
import { isServersType } from './type-name.ts';
import { words } from './words.ts';

/** The server's own that give arrays of text. */
const TEXTS = words('string_to_array regexp_split_to_array regexp_matches');
/** anyarray and record[]. */
const ANY_ARRAYS: ReadonlySet<number> = new Set([2277, 2287]);

/** True when these are surely arrays of plain values: an array of rows gives a column for each of theirs, whatever it is called. */
export function holdsNoRows(nodes: readonly Node[] | undefined, scope: Scope, context: Context): boolean {
  return (nodes ?? []).every((node) => isPlainArray(node, scope, context));
}

function isPlainArray(node: Node, scope: Scope, context: Context): boolean {
  if ('TypeCast' in node) {
    const { typeName } = node.TypeCast;
    return typeName?.arrayBounds !== undefined && isServersType(typeName, context.findings);
  }
  if ('A_ArrayExpr' in node) return (node.A_ArrayExpr.elements ?? []).every((each) => isPlain(each, scope, context));
  if ('FuncCall' in node) {
    const { name } = qualifiedName(node.FuncCall.funcname);
    return TEXTS.has(name) && context.findings.catalog.functions(name).every(({ schema }) => schema === 'pg_catalog');
  }
  if (!('ColumnRef' in node)) return false;
  const names = stringsOf(node.ColumnRef.fields);
  const origin = names.length === 1 ? findColumn(scope, names[0] ?? '')?.value.origin : originOf(names, scope);
  if (origin?.kind !== 'Column') return false;
  const relation = context.findings.catalog.resolveTable(origin.schema, origin.table, undefined);
  const oid = relation?.columns.find(({ name }) => name === origin.column)?.typeOid;
  return oid !== undefined && oid <= SERVER_OIDS_MAX && !ANY_ARRAYS.has(oid);
}

function originOf(names: readonly string[], scope: Scope) {
  const source = names.length === 2 ? findSource(scope, undefined, names[0] ?? '') : undefined;
  return source === undefined ? undefined : columnOf(source, names[1] ?? '')?.value.origin;
}

function isPlain(node: Node, scope: Scope, context: Context): boolean {
  if ('A_Const' in node) return true;
  if ('TypeCast' in node) return isServersType(node.TypeCast.typeName, context.findings);
  return 'A_ArrayExpr' in node && isPlainArray(node, scope, context);
}
