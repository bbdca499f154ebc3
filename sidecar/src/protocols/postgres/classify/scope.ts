import type { CommonTableExpr } from 'libpg-query';
import type { OutputOrigin } from '../sql-reading.ts';
import { computed, LITERAL, UNKNOWN, type Value } from './value.ts';

/** A column that a name can mean. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
  /** A column of a table or view as it stands there, not of what a query made of it. */
  readonly stored?: boolean;
  /** A column of the row that the statement changes. */
  readonly changed?: boolean;
}

/** The columns of a query, a table or a join; undefined when they cannot be told. */
export type Columns = readonly NamedValue[] | undefined;

/** What a qualifier can mean: an alias, or a table by its own name. */
export interface Source {
  readonly name: string;
  /** The schema, for tables without an alias. */
  readonly schema: string | undefined;
  readonly columns: Columns;
  /** Any further column: of a function that may give rows or plain values, or of a source whose columns cannot be told. */
  readonly fallback?: Value;
  /** The relation whose rows these are. */
  readonly relation?: number;
}

/** One item of a FROM list: what qualified names see, and what `*` and bare names see. */
export interface FromItem {
  readonly sources: readonly Source[];
  readonly star: Columns;
  readonly fallback?: Value;
}

/** A query named in WITH. */
export interface CteEntry {
  readonly node: CommonTableExpr;
  state: 'Waiting' | 'Running' | 'Done';
  columns: Columns;
  /** Where its own names are looked for. */
  readonly scope: Scope;
}

/** The names that are visible at one level of a query, and the level around it. */
export interface Scope {
  readonly items: FromItem[];
  readonly ctes: Map<string, CteEntry>;
  readonly parent: Scope | undefined;
}

export function openScope(parent: Scope | undefined): Scope {
  return { items: [], ctes: new Map(), parent };
}

export function findCte(scope: Scope | undefined, name: string): CteEntry | undefined {
  for (let level = scope; level !== undefined; level = level.parent) {
    const entry = level.ctes.get(name);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/**
 * What a bare name means: a column of the nearest level that has one. Undefined when none has. Where columns cannot be told it may be one of
 * them, or what the name means without them: its value is of all that.
 */
export function findColumn(scope: Scope | undefined, name: string): NamedValue | undefined {
  const found: NamedValue[] = [];
  const hidden: Value[] = [];
  for (let level = scope; level !== undefined && found.length === 0; level = level.parent) {
    for (const item of level.items) {
      for (const column of item.star ?? []) if (column.name === name) found.push(column);
      if (item.star === undefined) hidden.push(item.fallback ?? UNKNOWN);
    }
  }
  const [only] = found;
  if (only !== undefined && found.length === 1 && hidden.length === 0) return only;
  if (found.length === 0 && hidden.length === 0) return undefined;
  const row = found.length === 0 ? findSource(scope, undefined, name) : undefined;
  if (row !== undefined) found.push(wholeRow(row));
  return {
    name,
    value: computed([...found.map(({ value }) => value), ...hidden]),
    changed: found.some(({ changed }) => changed === true),
  };
}

/** What a qualifier means: the nearest source of that name. */
export function findSource(scope: Scope | undefined, schema: string | undefined, name: string): Source | undefined {
  for (let level = scope; level !== undefined; level = level.parent) {
    for (const item of level.items) {
      for (const source of item.sources) {
        if (source.name === name && (schema === undefined || source.schema === schema)) return source;
      }
    }
  }
  return undefined;
}

/** A whole row as one value. */
export function wholeRow(source: Source): NamedValue {
  const { columns, fallback, name } = source;
  if (columns === undefined) return { name, value: { ...(fallback ?? UNKNOWN), composite: true } };
  const changed = columns.some((column) => column.changed === true);
  const only = columns[0];
  // A function that gives plain values is called by its alias: then the row is the value.
  const isPlain = columns.length === 1 && only?.name === name;
  const value = isPlain ? only.value : { ...computed(columns.map((each) => each.value)), composite: true };
  return { name, value, changed };
}

/** True when a name means a column of a table or view as it stands there. */
export function isStored(scope: Scope, names: readonly string[]): boolean {
  const name = names.at(-1) ?? '';
  if (names.length === 1) return findColumn(scope, name)?.stored === true;
  const source = findSource(scope, names.at(-3), names.at(-2) ?? '');
  return source !== undefined && columnOf(source, name)?.stored === true;
}

/** True when a name means a whole row. */
export function isRow(scope: Scope, names: readonly string[]): boolean {
  const [name = ''] = names;
  return (
    names.length === 1 && findColumn(scope, name) === undefined && findSource(scope, undefined, name) !== undefined
  );
}

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** A column of a source, system columns included; undefined when it has none of that name. */
export function columnOf(source: Source, name: string): NamedValue | undefined {
  if (source.columns === undefined) return { name, value: source.fallback ?? UNKNOWN };
  const found = source.columns.filter((column) => column.name === name);
  const [only] = found;
  if (only !== undefined) {
    if (found.length === 1) return only;
    return { name, value: computed(found.map(({ value }) => value)), changed: only.changed === true };
  }
  if (SYSTEM_COLUMNS.has(name)) {
    return { name, value: LITERAL, changed: source.columns.some((column) => column.changed === true) };
  }
  return source.fallback === undefined ? undefined : { name, value: source.fallback };
}

/** True for a system column of any table in sight. */
export function isSystemColumn(name: string): boolean {
  return SYSTEM_COLUMNS.has(name);
}

/** True at the level of a statement that changes rows. */
export function isChanging({ items }: Scope): boolean {
  return items.some(({ star }) => star?.some((column) => column.changed === true) === true);
}

/** The origins of a query's columns. */
export function originsOf(columns: Columns): readonly OutputOrigin[] | undefined {
  return columns?.map(({ value }) => value.origin);
}

/** Columns under the names that an alias list gives them; names that are left out stay. */
export function rename(columns: Columns, names: readonly string[]): Columns {
  if (names.length === 0) return columns;
  return columns?.map((column, index) => ({ ...column, name: names[index] ?? column.name }));
}
