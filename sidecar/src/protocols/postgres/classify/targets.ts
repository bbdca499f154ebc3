import type { Node } from 'libpg-query';
import { columnName } from './column-name.ts';
import { type Context, recordUse, type Use } from './findings.ts';
import { stringsOf } from './node.ts';
import { type Columns, findColumn, findSource, type NamedValue, type Scope } from './scope.ts';
import { UNKNOWN } from './value.ts';
import { readExpression } from './walk.ts';

/** The values of a target list, `*` spread out. */
export function readTargets(targets: readonly Node[], scope: Scope, context: Context, use: Use): Columns {
  const columns: NamedValue[] = [];
  let isKnown = true;
  for (const target of targets) {
    if (!('ResTarget' in target) || target.ResTarget.val === undefined) continue;
    const { val, name } = target.ResTarget;
    const spread = spreadStar(val, scope, context, use);
    if (spread === undefined) {
      const value = readExpression(val, scope, context, use);
      columns.push({ name: name ?? columnName(val), value });
    } else if (spread === 'Unknown') {
      isKnown = false;
    } else {
      for (const column of spread) {
        if (column.changed === true) context.statement.changedReads += 1;
        recordUse(context, column.value.origin, use);
        columns.push(column);
      }
    }
  }
  return isKnown ? columns : undefined;
}

/** The columns behind `*`, `t.*` and `(t).*`; undefined when the node is no star. */
function spreadStar(
  node: Node,
  scope: Scope,
  context: Context,
  use: Use,
): readonly NamedValue[] | 'Unknown' | undefined {
  if ('ColumnRef' in node) {
    const { fields = [] } = node.ColumnRef;
    if (!fields.some((field) => 'A_Star' in field)) return undefined;
    const names = stringsOf(fields);
    if (names.length > 0) return sourceColumns(names, scope, context, use);
    const columns = scope.items.flatMap(({ star }) => star ?? []);
    if (scope.items.every(({ star }) => star !== undefined)) return columns;
    const hidden = scope.items.flatMap(({ star, fallback }) => (star === undefined ? [fallback ?? UNKNOWN] : []));
    for (const { value } of columns) recordUse(context, value.origin, use);
    for (const { origin } of hidden) recordUse(context, origin, use);
    return 'Unknown';
  }
  if ('A_Indirection' in node) {
    const { arg, indirection = [] } = node.A_Indirection;
    const last = indirection.at(-1);
    if (last === undefined || !('A_Star' in last) || arg === undefined) return undefined;
    if ('ColumnRef' in arg && indirection.length === 1) {
      const names = stringsOf(arg.ColumnRef.fields);
      if (names.length === 1 && findColumn(scope, names[0] ?? '') === undefined)
        return sourceColumns(names, scope, context, use);
    }
    readExpression(arg, scope, context, 'Both');
    return 'Unknown';
  }
  return undefined;
}

function sourceColumns(
  names: readonly string[],
  scope: Scope,
  context: Context,
  use: Use,
): readonly NamedValue[] | 'Unknown' {
  const source = findSource(scope, names.at(-2), names.at(-1) ?? '');
  if (source === undefined) {
    context.findings.incomplete('UnknownColumn', `The catalog has no table ${names.join('.')} here.`);
    return 'Unknown';
  }
  if (source.columns === undefined) recordUse(context, source.fallback?.origin ?? UNKNOWN.origin, use);
  return source.columns ?? 'Unknown';
}
