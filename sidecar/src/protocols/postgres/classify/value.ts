import type { BaseColumn, OutputOrigin } from '../sql-reading.ts';

/** What is known of an expression: where its values come from, and which literals and parameters stand in it. */
export interface Value {
  readonly origin: OutputOrigin;
  /** Byte offsets of literals in the text. */
  readonly literals: readonly number[];
  /** Numbers of parameters: 1 for `$1`. */
  readonly parameters: readonly number[];
  /** How large it may be, as a multiple of an ordinary value; absent: 1. See `BULK_MAX`. */
  readonly bulk?: number;
  /** How long it is hangs on which characters are in it. */
  readonly shaped?: boolean;
  /** It is NULL whatever happens. */
  readonly absent?: true;
  /** It may be a row, or hold one: to compare two of these fails where they begin alike and their types differ further on. */
  readonly composite?: boolean;
  /** A column's value stands in it together with something large: whether that fits tells about the column. */
  readonly mixed?: boolean;
}

/**
 * The server refuses values beyond a limit (256 MiB in JSON, 1 GiB in text), so something large beside a column's value may fail for some values
 * and not for others. Columns and constants count as ordinary: at most 256 KiB each, this many together are still safe.
 */
export const BULK_MAX = 1_000;

export function bulkOf({ bulk = 1 }: Value): number {
  return bulk;
}

const NONE: readonly never[] = [];

/** A value in which nothing of the server's data is. */
export const LITERAL: Value = { origin: { kind: 'Literal' }, literals: NONE, parameters: NONE };

/** NULL. */
export const ABSENT: Value = { ...LITERAL, absent: true };

/** A value of which nothing is known. */
export const UNKNOWN: Value = { origin: { kind: 'Unknown' }, literals: NONE, parameters: NONE };

export function columnKey({ schema, table, column, member }: BaseColumn): string {
  return `${schema}\0${table}\0${column}${member === undefined ? '' : `\0${JSON.stringify(member)}`}`;
}

/** The column alone, without what else is known where it stands. */
export function baseOf({ schema, table, column, member }: BaseColumn): BaseColumn {
  return { schema, table, column, ...(member === undefined ? {} : { member }) };
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
  return { ...merge(values), ...sizeOf(values), origin: mergeOrigins(values, true) };
}

/** A value computed by choosing among these (CASE): they do not add up. */
export function eitherOf(values: readonly Value[]): Value {
  if (values.length === 0) return LITERAL;
  return { ...merge(values), ...largestOf(values), origin: mergeOrigins(values, true) };
}

/** A value that is one of these, unchanged (branches of UNION): one base column stays that column. */
export function oneOf(values: readonly Value[]): Value {
  const [only] = values;
  if (only !== undefined && values.length === 1) return only;
  return { ...merge(values), ...largestOf(values), origin: mergeOrigins(values, false) };
}

type Size = Pick<Value, 'bulk' | 'shaped' | 'mixed' | 'composite'>;

/** The size of values put together. */
function sizeOf(values: readonly Value[]): Size {
  let bulk = 0;
  for (const value of values) bulk += bulkOf(value);
  const mixed = bulk > BULK_MAX && values.some((value) => isMixed(value, bulk - bulkOf(value)));
  return { ...sized(values, bulk), ...(mixed ? { mixed } : {}) };
}

/** True when what stands beside a column's value is large. */
function isMixed({ origin, mixed }: Value, beside: number): boolean {
  return mixed === true || (beside > BULK_MAX && columnsOf(origin).length > 0);
}

function largestOf(values: readonly Value[]): Size {
  let bulk = 0;
  for (const value of values) bulk = Math.max(bulk, bulkOf(value));
  return { ...sized(values, bulk), ...(values.some(({ mixed }) => mixed === true) ? { mixed: true } : {}) };
}

function sized(values: readonly Value[], bulk: number): Size {
  const shaped = values.some((value) => value.shaped === true);
  const composite = values.some((value) => value.composite === true);
  return { ...(bulk === 1 ? {} : { bulk }), ...(shaped ? { shaped } : {}), ...(composite ? { composite } : {}) };
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
  let amongOwn = false;
  for (const { origin, absent } of values) {
    if (origin.kind === 'Unknown') return UNKNOWN.origin;
    if (origin.kind === 'Computed') plain = false;
    if (origin.kind === 'Literal' ? absent !== true : origin.kind === 'Column' && origin.amongOwn === true)
      amongOwn = true;
    for (const column of columnsOf(origin)) {
      columns.set(columnKey(column), baseOf(column));
    }
  }
  if (columns.size === 0) return LITERAL.origin;
  const [first] = columns.values();
  if (plain && first !== undefined && columns.size === 1)
    return { kind: 'Column', ...first, ...(amongOwn ? { amongOwn } : {}) };
  return { kind: 'Computed', columns: [...columns.values()] };
}

function isAmongOwn(origin: OutputOrigin): boolean {
  return origin.kind === 'Column' && origin.amongOwn === true;
}

/** Equal origins: used to see when a recursive query has settled. */
export function sameOrigin(left: OutputOrigin, right: OutputOrigin): boolean {
  if (left.kind !== right.kind || isAmongOwn(left) !== isAmongOwn(right)) return false;
  const keys = new Set(columnsOf(left).map(columnKey));
  const others = columnsOf(right);
  return keys.size === others.length && others.every((column) => keys.has(columnKey(column)));
}
