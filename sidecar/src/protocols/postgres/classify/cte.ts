import type { CommonTableExpr, SelectStmt, WithClause } from 'libpg-query';
import { type Context, recordUse } from './findings.ts';
import { stringsOf } from './node.ts';
import { type Columns, type CteEntry, type NamedValue, openScope, rename, type Scope } from './scope.ts';
import { bulkOf, computed, LITERAL, sameOrigin, UNKNOWN } from './value.ts';
import { readSelect, readWrite } from './walk.ts';

/** Enters the queries of a WITH into the scope. */
export function readWith(clause: WithClause | undefined, scope: Scope, context: Context): void {
  if (clause === undefined) return;
  const entries: CteEntry[] = [];
  for (const item of clause.ctes ?? []) {
    if (!('CommonTableExpr' in item)) continue;
    const node = item.CommonTableExpr;
    const entry: CteEntry = { node, state: 'Waiting', columns: undefined, scope };
    entries.push(entry);
    if (clause.recursive === true) {
      // Each sees all the others and itself.
      scope.ctes.set(node.ctename ?? '', entry);
    } else {
      // Each sees those before it, and a table of its own name.
      readCte(entry, context);
      scope.ctes.set(node.ctename ?? '', entry);
    }
  }
  for (const entry of entries) readCte(entry, context);
}

/** The columns of a query in WITH, read when first asked for. */
export function readCte(entry: CteEntry, context: Context): Columns {
  if (entry.state !== 'Waiting') return entry.columns;
  entry.state = 'Running';
  const { node, scope } = entry;
  const query = node.ctequery;
  if (query !== undefined && 'SelectStmt' in query) entry.columns = readCteSelect(entry, query.SelectStmt, context);
  else if (query !== undefined) {
    entry.columns = rename(readWrite(query, scope, context), stringsOf(node.aliascolnames));
  }
  entry.state = 'Done';
  if (entry.columns === undefined) context.statement.askOfAll();
  return entry.columns;
}

/** More rounds than this do not happen with columns that move by one place a round. */
const ROUNDS_MAX = 64;
/** A round counts as this many steps of work. */
const ROUND_STEPS = 2_000;

function readCteSelect(entry: CteEntry, select: SelectStmt, context: Context): Columns {
  const { node, scope } = entry;
  const finish = (columns: Columns) => addSearchColumns(node, rename(columns, stringsOf(node.aliascolnames)), context);
  const isUnion = select.op === 'SETOP_UNION' && select.larg !== undefined;
  if (!isUnion || select.larg === undefined || scope.ctes.get(node.ctename ?? '') !== entry) {
    return finish(readSelect(select, scope, context, 'Output'));
  }
  // The first branch says what the columns are; the second, which may read the query itself, can only add origins to them.
  const outer = openScope(scope);
  readWith(select.withClause, outer, context);
  entry.columns = finish(readSelect(select.larg, outer, context, 'Output'));
  for (let round = 0; round < ROUNDS_MAX && context.findings.step(ROUND_STEPS); round++) {
    const next = finish(readSelect(select, scope, context, 'Output'));
    const isSettled = sameColumns(entry.columns, next);
    entry.columns = grown(entry.columns, next);
    if (isSettled) return entry.columns;
  }
  return entry.columns?.map(({ name }) => ({ name, value: UNKNOWN }));
}

/** What a round makes larger may be of any size after as many rounds as the rows take. */
function grown(before: Columns, after: Columns): Columns {
  return after?.map((column, index) => {
    const isLarger = bulkOf(column.value) > bulkOf(before?.[index]?.value ?? LITERAL);
    return isLarger ? { ...column, value: { ...column.value, bulk: Number.POSITIVE_INFINITY } } : column;
  });
}

function sameColumns(left: Columns, right: Columns): boolean {
  if (left === undefined || right === undefined) return left === right;
  return (
    left.length === right.length &&
    left.every((column, index) => sameOrigin(column.value.origin, right[index]?.value.origin ?? UNKNOWN.origin))
  );
}

function addSearchColumns(node: CommonTableExpr, columns: Columns, context: Context): Columns {
  if (columns === undefined) return undefined;
  const all = computed(columns.map(({ value }) => value));
  const added: NamedValue[] = [];
  if (node.search_clause?.search_seq_column !== undefined) {
    added.push({ name: node.search_clause.search_seq_column, value: all });
  }
  const cycle = node.cycle_clause;
  // Rows are compared by these: the mark tells which were equal.
  const compared = new Set(stringsOf(cycle?.cycle_col_list));
  for (const { name, value } of columns) if (compared.has(name)) recordUse(context, value.origin, 'Condition');
  if (cycle?.cycle_mark_column !== undefined) added.push({ name: cycle.cycle_mark_column, value: LITERAL });
  if (cycle?.cycle_path_column !== undefined) added.push({ name: cycle.cycle_path_column, value: all });
  return added.length === 0 ? columns : [...columns, ...added];
}
