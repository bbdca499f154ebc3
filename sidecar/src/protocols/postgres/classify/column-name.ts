import type { Node } from 'libpg-query';
import { stringsOf } from './node.ts';

/** The name that PostgreSQL gives an output column without an alias (FigureColname in parse_target.c). */
export function columnName(node: Node): string {
  return figure(node).name ?? '?column?';
}

/** `strength` 2: a good name, 1: one that a cast above may keep for want of a better. */
interface Figured {
  readonly name: string | undefined;
  readonly strength: 0 | 1 | 2;
}

const NONE: Figured = { name: undefined, strength: 0 };

function good(name: string | undefined): Figured {
  return name === undefined ? NONE : { name, strength: 2 };
}

const VALUE_FUNCTIONS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_TIME_N: 'current_time',
  SVFOP_CURRENT_TIMESTAMP_N: 'current_timestamp',
  SVFOP_LOCALTIME_N: 'localtime',
  SVFOP_LOCALTIMESTAMP_N: 'localtimestamp',
};

function figure(node: Node | undefined): Figured {
  if (node === undefined) return NONE;
  if ('ColumnRef' in node) return good(stringsOf(node.ColumnRef.fields).at(-1));
  if ('FuncCall' in node) return good(stringsOf(node.FuncCall.funcname).at(-1));
  if ('A_Indirection' in node) {
    const name = stringsOf(node.A_Indirection.indirection).at(-1);
    return name === undefined ? figure(node.A_Indirection.arg) : good(name);
  }
  if ('A_Expr' in node) return node.A_Expr.kind === 'AEXPR_NULLIF' ? good('nullif') : NONE;
  if ('TypeCast' in node) {
    const inner = figure(node.TypeCast.arg);
    if (inner.strength === 2) return inner;
    const type = stringsOf(node.TypeCast.typeName?.names).at(-1);
    return type === undefined ? inner : { name: type, strength: 1 };
  }
  if ('CollateClause' in node) return figure(node.CollateClause.arg);
  if ('SubLink' in node) return figureSubLink(node.SubLink.subLinkType, node.SubLink.subselect);
  if ('CaseExpr' in node) {
    const inner = figure(node.CaseExpr.defresult);
    return inner.strength === 2 ? inner : { name: 'case', strength: 1 };
  }
  if ('A_ArrayExpr' in node) return good('array');
  if ('RowExpr' in node) return good('row');
  if ('CoalesceExpr' in node) return good('coalesce');
  if ('MinMaxExpr' in node) return good(node.MinMaxExpr.op === 'IS_LEAST' ? 'least' : 'greatest');
  if ('GroupingFunc' in node) return good('grouping');
  if ('MergeSupportFunc' in node) return good('merge_action');
  if ('SQLValueFunction' in node) {
    const op = node.SQLValueFunction.op ?? '';
    return good(VALUE_FUNCTIONS[op] ?? op.replace('SVFOP_', '').toLowerCase());
  }
  if ('XmlExpr' in node) return good(node.XmlExpr.op?.replace('IS_XML', 'xml').toLowerCase());
  if ('XmlSerialize' in node) return good('xmlserialize');
  if ('JsonObjectConstructor' in node) return good('json_object');
  if ('JsonArrayConstructor' in node || 'JsonArrayQueryConstructor' in node) return good('json_array');
  if ('JsonObjectAgg' in node) return good('json_objectagg');
  if ('JsonArrayAgg' in node) return good('json_arrayagg');
  if ('JsonParseExpr' in node) return good('json');
  if ('JsonScalarExpr' in node) return good('json_scalar');
  if ('JsonSerializeExpr' in node) return good('json_serialize');
  if ('JsonFuncExpr' in node) return good(node.JsonFuncExpr.op?.replace('_OP', '').toLowerCase());
  return NONE;
}

function figureSubLink(type: string | undefined, subselect: Node | undefined): Figured {
  if (type === 'EXISTS_SUBLINK') return good('exists');
  if (type === 'ARRAY_SUBLINK') return good('array');
  if (type !== 'EXPR_SUBLINK' || subselect === undefined || !('SelectStmt' in subselect)) return NONE;
  let select = subselect.SelectStmt;
  while (select.larg !== undefined) select = select.larg;
  const [first] = select.targetList ?? [];
  if (first === undefined) return select.valuesLists === undefined ? NONE : good('column1');
  if (!('ResTarget' in first)) return NONE;
  return first.ResTarget.name === undefined ? figure(first.ResTarget.val) : good(first.ResTarget.name);
}
