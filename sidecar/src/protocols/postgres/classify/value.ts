import type { BaseColumn, OutputOrigin } from '../sql-reading.ts';

/** What is known of an expression: where its values come from, and which literals and parameters stand in it. */
export interface Value {
  readonly origin: OutputOrigin;
  /** Byte offsets of literals in the text. */
  readonly literals: readonly number[];
  /** Numbers of parameters: 1 for `$1`. */
  readonly parameters: readonly number[];
}

const NONE: readonly never[] = [];

/** A value in which nothing of the server's data is. */
export const LITERAL: Value = { origin: { kind: 'Literal' }, literals: NONE, parameters: NONE };

/** A value of which nothing is known. */
export const UNKNOWN: Value = { origin: { kind: 'Unknown' }, literals: NONE, parameters: NONE };

export function columnKey(column: BaseColumn): string {
  return `${column.schema}\0${column.table}\0${column.column}`;
}

/** The base columns that flow into an origin. */
export function columnsOf(origin: OutputOrigin): readonly BaseColumn[] {
  switch (origin.kind) {
    case 'Column':
      return [origin];
    case 'Computed':
      return origin.columns;
    default:
      return NONE;
  }
}

/** A value made of these: an expression over all of them. */
export function computed(values: readonly Value[]): Value {
  if (values.length === 0) return LITERAL;
  return { ...merge(values), origin: mergeOrigins(values, true) };
}

/** A value that is one of these, unchanged (branches of UNION): one base column stays that column. */
export function oneOf(values: readonly Value[]): Value {
  const [only] = values;
  if (only !== undefined && values.length === 1) return only;
  return { ...merge(values), origin: mergeOrigins(values, false) };
}

function merge(values: readonly Value[]): Pick<Value, 'literals' | 'parameters'> {
  return {
    literals: join(values.map(({ literals }) => literals)),
    parameters: join(values.map(({ parameters }) => parameters)),
  };
}

function join(lists: readonly (readonly number[])[]): readonly number[] {
  const full = lists.filter(({ length }) => length > 0);
  const [only = NONE] = full;
  if (full.length < 2) return only;
  const all = new Set<number>();
  for (const list of full) for (const number of list) all.add(number);
  return [...all];
}

function mergeOrigins(values: readonly Value[], isExpression: boolean): OutputOrigin {
  const columns = new Map<string, BaseColumn>();
  let plain = !isExpression;
  for (const { origin } of values) {
    if (origin.kind === 'Unknown') return UNKNOWN.origin;
    if (origin.kind === 'Computed') plain = false;
    for (const column of columnsOf(origin)) {
      const { schema, table, column: name } = column;
      columns.set(columnKey(column), { schema, table, column: name });
    }
  }
  if (columns.size === 0) return LITERAL.origin;
  const [first] = columns.values();
  if (plain && first !== undefined && columns.size === 1) return { kind: 'Column', ...first };
  return { kind: 'Computed', columns: [...columns.values()] };
}

/** Equal origins: used to see when a recursive query has settled. */
export function sameOrigin(left: OutputOrigin, right: OutputOrigin): boolean {
  if (left.kind !== right.kind) return false;
  const keys = new Set(columnsOf(left).map(columnKey));
  const others = columnsOf(right);
  return keys.size === others.length && others.every((column) => keys.has(columnKey(column)));
}
