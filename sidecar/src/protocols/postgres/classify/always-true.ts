import type { A_Expr, BoolExpr, BooleanTest, CaseExpr, Node, NullTest, SelectStmt, SubLink } from 'libpg-query';
import { constantText, holds, kindOf, qualifiedName, sameNode, sameShape } from './node.ts';

/** Whether a condition holds for every row or for none, as far as it can be seen without the server. */
export interface Truth {
  readonly always: boolean;
  readonly never: boolean;
  /** True when that hangs on what a literal says. */
  readonly dependsOnLiteral: boolean;
}

/** Whether an expression looks at the rows that the condition chooses from. */
export type Touches = (node: Node) => boolean;

const NO: Truth = { always: false, never: false, dependsOnLiteral: false };
const ALWAYS: Truth = { ...NO, always: true };

/**
 * Whether a WHERE is one in name only: `true`, `1=1`, `id = id`, `x OR true`, `NOT false`, `id IS NULL OR id IS NOT NULL`, `coalesce(true, x)`.
 * A part that does not look at the rows counts as well (`random() < 2`, `EXISTS (SELECT 1)`): it holds for all of them or says nothing of them.
 * It is an aid: what a function makes of a row, or whether a column is ever negative, is not known here.
 */
export function isAlwaysTrue(node: Node, touches: Touches = looksAtSomething): Truth {
  const text = constantText(node);
  if (text !== undefined) {
    const isFalse = /^\s*(f|fa|fal|fals|false|n|no|of|off|0)\s*$/i.test(text);
    return { always: !isFalse, never: isFalse, dependsOnLiteral: !isKeyword(node) };
  }
  if ('A_Const' in node) return { ...NO, never: true };
  if ('CurrentOfExpr' in node) return NO;
  if ('BoolExpr' in node) return ofBool(node.BoolExpr, touches);
  if ('CoalesceExpr' in node) {
    const first = node.CoalesceExpr.args?.find((arg) => !('A_Const' in arg && arg.A_Const.isnull === true));
    return first === undefined ? NO : isAlwaysTrue(first, touches);
  }
  if ('CaseExpr' in node) return ofCase(node.CaseExpr, touches);
  if ('BooleanTest' in node) return ofTest(node.BooleanTest, touches);
  if (!touches(node)) return ALWAYS;
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) {
    return qualifiedName(node.TypeCast.typeName?.names).name === 'bool' ? isAlwaysTrue(node.TypeCast.arg, touches) : NO;
  }
  if ('NullTest' in node) return ofNullTest(node.NullTest);
  if ('SubLink' in node) return ofSubLink(node.SubLink);
  return 'A_Expr' in node ? ofOperator(node.A_Expr) : NO;
}

function isKeyword(node: Node): boolean {
  return 'A_Const' in node && node.A_Const.boolval !== undefined;
}

const LOOKING = ['ColumnRef', 'SubLink', 'ParamRef', 'SelectStmt', 'CurrentOfExpr', 'FuncCall'];

function looksAtSomething(node: Node): boolean {
  return holds(node, LOOKING);
}

function negated({ always, never, dependsOnLiteral }: Truth): Truth {
  return { always: never, never: always, dependsOnLiteral };
}

function ofBool({ boolop, args = [] }: BoolExpr, touches: Touches): Truth {
  const parts = args.map((arg) => isAlwaysTrue(arg, touches));
  const dependsOnLiteral = parts.some((part) => part.dependsOnLiteral);
  if (boolop === 'AND_EXPR') {
    return {
      always: parts.every(({ always }) => always),
      never: parts.some(({ never }) => never),
      dependsOnLiteral,
    };
  }
  if (boolop === 'OR_EXPR') {
    const covering = coversAll(args);
    return {
      always: parts.some(({ always }) => always) || covering.always,
      never: parts.every(({ never }) => never),
      dependsOnLiteral: dependsOnLiteral || covering.dependsOnLiteral,
    };
  }
  const [only] = args;
  const [part] = parts;
  if (only === undefined || part === undefined) return NO;
  // The opposite of what does not look at the rows does not look at them either.
  return touches(only) ? negated(part) : { ...ALWAYS, dependsOnLiteral };
}

function ofCase({ args = [], defresult, arg }: CaseExpr, touches: Touches): Truth {
  const results: Truth[] = [];
  for (const when of args) {
    if (!('CaseWhen' in when) || when.CaseWhen.result === undefined || when.CaseWhen.expr === undefined) return NO;
    const result = isAlwaysTrue(when.CaseWhen.result, touches);
    const chosen = arg === undefined ? isAlwaysTrue(when.CaseWhen.expr, touches) : NO;
    if (chosen.always) {
      results.push(result);
      return ofAll(results);
    }
    if (!chosen.never) results.push(result);
  }
  results.push(defresult === undefined ? { ...NO, never: true } : isAlwaysTrue(defresult, touches));
  return ofAll(results);
}

function ofAll(results: readonly Truth[]): Truth {
  return {
    always: results.every(({ always }) => always),
    never: results.every(({ never }) => never),
    dependsOnLiteral: true,
  };
}

function ofTest({ arg, booltesttype }: BooleanTest, touches: Touches): Truth {
  if (arg === undefined) return NO;
  const truth = isAlwaysTrue(arg, touches);
  switch (booltesttype) {
    case 'IS_TRUE':
    case 'IS_NOT_FALSE':
      return truth;
    case 'IS_FALSE':
    case 'IS_NOT_TRUE':
      return touches(arg) ? negated(truth) : ALWAYS;
    default:
      return touches(arg) ? NO : ALWAYS;
  }
}

/** Whether a row has a place, and whether a test says yes or no, is never NULL. */
function ofNullTest({ arg, nulltesttype }: NullTest): Truth {
  if (arg === undefined) return NO;
  const names = 'ColumnRef' in arg ? (arg.ColumnRef.fields ?? []).at(-1) : undefined;
  const isSystem =
    names !== undefined && 'String' in names && /^(ctid|xmin|cmin|tableoid)$/.test(names.String.sval ?? '');
  const isExists = 'SubLink' in arg && arg.SubLink.subLinkType === 'EXISTS_SUBLINK';
  if (!isSystem && !isExists && !('NullTest' in arg) && !('BooleanTest' in arg)) return NO;
  return nulltesttype === 'IS_NOT_NULL' ? ALWAYS : { ...NO, never: true };
}

/** A query that looks at the row, but asks nothing of it. */
function ofSubLink({ subLinkType, subselect }: SubLink): Truth {
  if (subselect === undefined || !('SelectStmt' in subselect)) return NO;
  const { whereClause, targetList, havingClause, op, limitCount, limitOffset }: SelectStmt = subselect.SelectStmt;
  const isPlain = havingClause === undefined && limitCount === undefined && limitOffset === undefined;
  if (!isPlain || (op !== undefined && op !== 'SETOP_NONE')) return NO;
  const chosen = whereClause === undefined ? ALWAYS : isAlwaysTrue(whereClause, () => true);
  if (subLinkType === 'EXISTS_SUBLINK') return chosen;
  const [target] = targetList ?? [];
  if (subLinkType !== 'EXPR_SUBLINK' || !chosen.always || target === undefined || !('ResTarget' in target)) return NO;
  return target.ResTarget.val === undefined ? NO : isAlwaysTrue(target.ResTarget.val, () => true);
}

/** Operators that hold, and that do not hold, between a value and itself. */
const REFLEXIVE = ['=', '<=', '>='];
const IRREFLEXIVE = ['<>', '!=', '<', '>'];
/** Patterns that every text matches. */
const ANY_LIKE = /^%+$/;
const ANY_REGEX = /^\^?(\.\*)?\$?$/;

function ofOperator({ kind, name, lexpr, rexpr }: A_Expr): Truth {
  const operator = qualifiedName(name).name;
  const told = (truth: Partial<Truth>): Truth => ({ ...NO, ...truth, dependsOnLiteral: true });
  const isSame = sameShape(lexpr, rexpr);
  switch (kind) {
    case 'AEXPR_OP':
      if (isSame && REFLEXIVE.includes(operator)) return told({ always: sameNode(lexpr, rexpr) });
      if (isSame && IRREFLEXIVE.includes(operator)) return told({ never: sameNode(lexpr, rexpr) });
      if (operator === '~' || operator === '~*') return told({ always: ANY_REGEX.test(constantText(rexpr) ?? 'x') });
      return NO;
    case 'AEXPR_NOT_DISTINCT':
      return isSame ? told({ always: sameNode(lexpr, rexpr) }) : NO;
    case 'AEXPR_DISTINCT':
      return isSame ? told({ never: sameNode(lexpr, rexpr) }) : NO;
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return told({ always: !operator.startsWith('!') && ANY_LIKE.test(constantText(rexpr) ?? '') });
    case 'AEXPR_IN':
    case 'AEXPR_OP_ANY':
      return operator === '=' ? told({ always: itemsOf(rexpr).some((item) => sameNode(lexpr, item)) }) : NO;
    case 'AEXPR_BETWEEN':
      return told({ always: itemsOf(rexpr).every((item) => sameNode(lexpr, item)) });
    default:
      return NO;
  }
}

function itemsOf(node: Node | undefined): readonly Node[] {
  if (node === undefined) return [];
  if ('List' in node) return node.List.items ?? [];
  return 'A_ArrayExpr' in node ? (node.A_ArrayExpr.elements ?? []) : [];
}

const OPPOSITES: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
};

/** `x IS NULL OR x IS NOT NULL`, `x OR NOT x`, `x = 1 OR x <> 1`: together they leave out at most rows where x is NULL. */
function coversAll(args: readonly Node[]): Truth {
  let dependsOnLiteral = false;
  for (const [index, one] of args.entries()) {
    for (const other of args.slice(index + 1)) {
      const cover = oppose(one, other);
      if (cover === undefined) continue;
      dependsOnLiteral = true;
      if (cover) return { always: true, never: false, dependsOnLiteral };
    }
    // Long lists of alternatives are compared only so far.
    if (index > ALTERNATIVES_MAX) break;
  }
  return { ...NO, dependsOnLiteral };
}

const ALTERNATIVES_MAX = 8;

/** Whether one condition says the opposite of another; undefined when they are not even of opposite form. */
function oppose(one: Node, other: Node): boolean | undefined {
  if (kindOf(one) === kindOf(other)) {
    if ('NullTest' in one && 'NullTest' in other) {
      if (one.NullTest.nulltesttype === other.NullTest.nulltesttype) return undefined;
      return sameShape(one.NullTest.arg, other.NullTest.arg)
        ? sameNode(one.NullTest.arg, other.NullTest.arg)
        : undefined;
    }
    if (!('A_Expr' in one) || !('A_Expr' in other)) return undefined;
    const [left, right] = [one.A_Expr, other.A_Expr];
    if (left.kind !== 'AEXPR_OP' || right.kind !== 'AEXPR_OP') return undefined;
    if (OPPOSITES[qualifiedName(left.name).name] !== qualifiedName(right.name).name) return undefined;
    return sameNode(left.lexpr, right.lexpr) && sameNode(left.rexpr, right.rexpr);
  }
  return sameButNot(one, other) ?? sameButNot(other, one);
}

function sameButNot(not: Node, other: Node): boolean | undefined {
  if (!('BoolExpr' in not) || not.BoolExpr.boolop !== 'NOT_EXPR') return undefined;
  return sameNode(not.BoolExpr.args?.[0], other);
}
