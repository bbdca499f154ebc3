import type { Node } from 'libpg-query';
import { constantText, kindOf } from './node.ts';

/** Whether a condition holds for every row, as far as it can be seen without the server. */
export interface Truth {
  readonly always: boolean;
  /** True when that hangs on what a literal says. */
  readonly dependsOnLiteral: boolean;
}

const NO: Truth = { always: false, dependsOnLiteral: false };

/**
 * Whether a WHERE is one in name only: `true`, `1=1`, `'a' = 'a'`, `id = id`, `x OR true`, `NOT false`, `id IS NULL OR id IS NOT NULL`.
 * A condition that names no column at all counts as well: it holds for all rows or for none.
 */
export function isAlwaysTrue(node: Node): Truth {
  if ('A_Const' in node || 'TypeCast' in node) {
    const text = constantText(node);
    if (text === undefined) return NO;
    return { always: !/^\s*(f|fa|fal|fals|false|n|no|of|off|0)\s*$/i.test(text), dependsOnLiteral: !isKeyword(node) };
  }
  if ('BoolExpr' in node) {
    const { boolop, args = [] } = node.BoolExpr;
    const parts = args.map(isAlwaysTrue);
    const dependsOnLiteral = parts.some((part) => part.dependsOnLiteral);
    if (boolop === 'AND_EXPR') return { always: parts.every(({ always }) => always), dependsOnLiteral };
    if (boolop === 'OR_EXPR') {
      const covering = coversNull(args);
      return {
        always: parts.some(({ always }) => always) || covering.always,
        dependsOnLiteral: dependsOnLiteral || covering.dependsOnLiteral,
      };
    }
    const [only] = args;
    if (only === undefined) return NO;
    return { always: !hasColumn(only) && !hasCall(only), dependsOnLiteral: true };
  }
  if ('A_Expr' in node) {
    if (!hasColumn(node)) return { always: !hasCall(node), dependsOnLiteral: true };
    const { lexpr, rexpr, kind, name } = node.A_Expr;
    const operator = name?.[0];
    const equals =
      operator !== undefined && 'String' in operator && ['=', '<=', '>='].includes(operator.String.sval ?? '');
    const isEquality = (kind === 'AEXPR_OP' && equals) || kind === 'AEXPR_NOT_DISTINCT';
    if (isEquality && sameShape(lexpr, rexpr)) return { always: sameNode(lexpr, rexpr), dependsOnLiteral: true };
    // Every text that is not null is like '%'.
    if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
      const pattern = constantText(rexpr);
      const positive = operator !== undefined && 'String' in operator && !(operator.String.sval ?? '').startsWith('!');
      return { always: positive && pattern !== undefined && /^%+$/.test(pattern), dependsOnLiteral: true };
    }
    return NO;
  }
  if ('NullTest' in node && node.NullTest.arg !== undefined && !hasColumn(node.NullTest.arg)) {
    return { always: node.NullTest.nulltesttype === 'IS_NOT_NULL', dependsOnLiteral: true };
  }
  return NO;
}

function isKeyword(node: Node): boolean {
  return 'A_Const' in node && node.A_Const.boolval !== undefined;
}

/** `x IS NULL OR x IS NOT NULL`. */
function coversNull(args: readonly Node[]): Truth {
  const tests = args.filter((arg) => 'NullTest' in arg).map((arg) => arg.NullTest);
  const pairs = tests.flatMap((one) =>
    tests
      .filter((other) => one.nulltesttype !== other.nulltesttype && sameShape(one.arg, other.arg))
      .map((other) => [one, other] as const),
  );
  return { always: pairs.some(([one, other]) => sameNode(one.arg, other.arg)), dependsOnLiteral: pairs.length > 0 };
}

/** Equal up to what their literals say; whether they are wholly equal is for `written` to tell. */
function sameShape(left: Node | undefined, right: Node | undefined): boolean {
  if (left === undefined || right === undefined || kindOf(left) !== kindOf(right)) return false;
  return written(left, true) === written(right, true);
}

function sameNode(left: Node | undefined, right: Node | undefined): boolean {
  return sameShape(left, right) && written(left, false) === written(right, false);
}

function written(node: unknown, blank: boolean): string {
  return JSON.stringify(node, (key, value: unknown) => {
    if (key === 'location') return undefined;
    return blank && key === 'A_Const' ? '' : value;
  });
}

function holds(node: unknown, kinds: readonly string[]): boolean {
  if (typeof node !== 'object' || node === null) return false;
  for (const [key, value] of Object.entries(node)) {
    if (kinds.includes(key) || holds(value, kinds)) return true;
  }
  return false;
}

function hasColumn(node: Node): boolean {
  return holds(node, ['ColumnRef', 'SubLink', 'ParamRef', 'SelectStmt', 'CurrentOfExpr']);
}

function hasCall(node: Node): boolean {
  return holds(node, ['FuncCall']);
}
