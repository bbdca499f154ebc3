import type { Mask, MaskRules } from '@sidegate/policy';
import { asLatin1, asText } from './codec.ts';
import type { Shape, ShapeColumn } from './shape.ts';
import type { BaseColumn, OutputOrigin, RelationCatalog, SqlReading } from './sql-reading.ts';

/** How a value of a type may be changed without breaking the client that reads it. */
type Form =
  /** Any text is a value of the type, and its binary format is that text. */
  | 'Text'
  /** Must stay valid JSON. */
  | 'Json'
  /** jsonb: in binary one version byte stands before the text. */
  | 'Jsonb'
  /** Bytes; scanned for contents, never rewritten in part. */
  | 'Bytes'
  /** Arrays, rows, types of the server's own making: text that may hold contents; masked as a whole it becomes NULL. */
  | 'Container'
  /** Numbers, dates, ...: no contents are looked for; masked it becomes NULL, which every client takes. */
  | 'Fixed';

/** What happens to the values of one column. */
export interface ColumnPlan {
  /** The mask on the whole value; undefined: only contents are looked for. */
  readonly mask: Mask | undefined;
  readonly form: Form;
  readonly binary: boolean;
}

/** One entry for each column; undefined where values pass as they are. */
export type MaskPlan = readonly (ColumnPlan | undefined)[];

const FORMS: ReadonlyMap<number, Form> = new Map<number, Form>([
  ...[25, 1043, 1042, 19, 705, 142, 2275, 4072].map((oid): [number, Form] => [oid, 'Text']),
  [114, 'Json'],
  [3802, 'Jsonb'],
  [17, 'Bytes'],
  // bool, int8, int2, int4, oid, tid, xid, cid, float4, float8, money, macaddr, inet, cidr, macaddr8, date, time, timestamp, timestamptz,
  // interval, timetz, bit, varbit, numeric, uuid, pg_lsn, reg* types, txid_snapshot, "char", void, xid8
  ...[
    16, 18, 20, 21, 23, 26, 27, 28, 29, 700, 701, 790, 829, 869, 650, 774, 1082, 1083, 1114, 1184, 1186, 1266, 1560,
    1562, 1700, 2950, 3220, 24, 2202, 2203, 2204, 2205, 2206, 4089, 4096, 4191, 2278, 2970, 5069,
  ].map((oid): [number, Form] => [oid, 'Fixed']),
]);

/** The form of a type; types that are not known here are containers. */
export function formOf(typeOid: number): Form {
  return FORMS.get(typeOid) ?? 'Container';
}

/** Columns of the system's own tables and views that show values of any table, or statements of anybody. */
const TELLTALE_COLUMNS = new Set([
  'most_common_vals',
  'most_common_elems',
  'histogram_bounds',
  'range_bounds_histogram',
  'stavalues1',
  'stavalues2',
  'stavalues3',
  'stavalues4',
  'stavalues5',
  'stxdmcv',
  'stxdexpr',
]);
const TELLTALE_STATEMENTS = new Set([
  'pg_stat_activity.query',
  'pg_stat_statements.query',
  'pg_prepared_statements.statement',
  'pg_cursors.statement',
]);

/** The mask that replaces a value of which nothing may be seen. */
function redaction(mask: Mask): Mask {
  return mask.with.type === 'Null' || mask.with.type === 'Redact'
    ? mask
    : { rule: mask.rule, with: { type: 'Redact' } };
}

/** What holds in one session or command: where masks come from and what the columns are called. */
export class MaskPlanner {
  readonly masks: MaskRules;
  readonly #catalog: RelationCatalog;
  readonly #scansContent: boolean;
  /** Tables of the result that the catalog did not know. */
  readonly unknownRelations = new Set<number>();

  constructor(masks: MaskRules, catalog: RelationCatalog) {
    this.masks = masks;
    this.#catalog = catalog;
    this.#scansContent = masks.detect.length > 0 || masks.fields.length > 0;
  }

  /** True when the statement may show something of a masked column in a way that nobody can follow. */
  involved(reading: SqlReading | undefined): boolean {
    if (!this.masks.columns) return false;
    if (reading === undefined || !reading.command.complete) return true;
    return reading.command.statements.some(
      ({ tables, functions }) =>
        tables.some(({ schema, name }) => this.masks.masksTable(schema, name) || isTelltaleTable(name)) ||
        functions.some(({ schema }) => schema !== 'pg_catalog'),
    );
  }

  /**
   * The plan for a result; undefined when every value passes as it is. `shape` is undefined when the server was never asked what the rows
   * look like: then nothing is known of `count` columns.
   */
  plan(
    shape: Shape,
    outputs: readonly OutputOrigin[] | undefined,
    reading: SqlReading | undefined,
  ): MaskPlan | undefined {
    if (this.masks.empty) return undefined;
    const lineage = outputs?.length === shape.length ? outputs : undefined;
    const involved = this.involved(reading);
    let any = false;
    const plan = shape.map((column, at) => {
      const mask = this.#columnMask(column, lineage?.[at], involved);
      const form = formOf(column.typeOid);
      if (mask === undefined && (!this.#scansContent || form === 'Fixed')) return undefined;
      any = true;
      return { mask, form, binary: column.binary };
    });
    return any ? plan : undefined;
  }

  /** For a column of which only its lineage is known (COPY). */
  originMask(origin: OutputOrigin | undefined, involved: boolean): Mask | undefined {
    if (origin === undefined || origin.kind === 'Unknown') return involved ? this.#unknown() : undefined;
    if (origin.kind === 'Literal') return undefined;
    if (origin.kind === 'Column') return this.baseMask(origin);
    // Keeping the last characters of something computed could show the first ones of what went in.
    const masks = origin.columns.map((base) => this.baseMask(base)).filter((mask) => mask !== undefined);
    return masks[0] === undefined ? undefined : redaction(masks[0]);
  }

  baseMask({ schema, table, column }: BaseColumn): Mask | undefined {
    const mask = this.masks.columnMask(schema, table, column);
    if (mask !== undefined) return mask;
    const telltale = schema === 'pg_catalog' && TELLTALE_COLUMNS.has(column);
    return this.masks.columns && (telltale || TELLTALE_STATEMENTS.has(`${table}.${column}`))
      ? this.#unknown()
      : undefined;
  }

  #columnMask(column: ShapeColumn, origin: OutputOrigin | undefined, involved: boolean): Mask | undefined {
    if (!this.masks.columns) return undefined;
    const known = this.#baseColumns(column);
    const fromLineage = this.originMask(origin, known === undefined && (involved || origin !== undefined));
    const fromServer = (known ?? []).map((base) => this.baseMask(base)).filter((mask) => mask !== undefined);
    const all = fromLineage === undefined ? fromServer : [fromLineage, ...fromServer];
    const [first] = all;
    if (first === undefined) return undefined;
    if (origin?.kind === 'Column' && known !== undefined && !known.some((base) => sameColumn(base, origin)))
      return redaction(first);
    return all.every((mask) => sameMask(mask, first)) ? first : redaction(first);
  }

  /** The base columns that the server itself names; undefined when it names none or the catalog cannot follow. */
  #baseColumns({ tableOid, attribute }: ShapeColumn): readonly BaseColumn[] | undefined {
    if (tableOid === 0) return undefined;
    // System columns (ctid, xmin, tableoid) hold nothing of a row's values.
    if (attribute < 0) return [];
    const relation = this.#catalog.relation(tableOid);
    if (relation === undefined) this.unknownRelations.add(tableOid);
    return relation?.columns.get(attribute)?.bases;
  }

  #unknown(): Mask {
    return redaction(this.masks.unknownOrigin);
  }
}

function isTelltaleTable(name: string): boolean {
  return /^pg_(?:stats|statistic|stat_activity|stat_statements|prepared_statements|cursors)/u.test(name);
}

function sameColumn(a: BaseColumn, b: BaseColumn): boolean {
  return a.column === b.column && a.table === b.table && a.schema === b.schema;
}

function sameMask(a: Mask, b: Mask): boolean {
  return a.with.type === b.with.type && a.with.keepLast === b.with.keepLast;
}

/** True when the value from `start` to `end` is sure to stay as it is: most hold nothing that any detector would look at, and their bytes tell. */
export function passes(plan: ColumnPlan, bytes: Uint8Array, start: number, end: number, masks: MaskRules): boolean {
  const { mask, form } = plan;
  return (
    mask === undefined && (form === 'Text' || form === 'Container') && masks.passesContent?.(bytes, start, end) === true
  );
}

/** The value as the agent may have it: the same bytes when nothing changes, null for NULL. `utf8` false: bytes are taken one by one. */
export function maskValue(plan: ColumnPlan, value: Uint8Array, masks: MaskRules, utf8: boolean): Uint8Array | null {
  const { mask, form, binary } = plan;
  const encoding = utf8 ? 'utf8' : 'latin1';
  const read = utf8 ? asText : asLatin1;
  if (passes(plan, value, 0, value.length, masks)) return value;
  switch (form) {
    case 'Text': {
      const text = read(value);
      if (mask === undefined) return replaced(value, text, masks.maskContent(text), encoding);
      const masked = masks.maskValue(mask, text);
      return masked === null ? null : Buffer.from(masked, encoding);
    }
    case 'Json':
    case 'Jsonb': {
      const versioned = form === 'Jsonb' && binary;
      const text = read(versioned ? value.subarray(1) : value);
      const masked = mask === undefined ? masks.maskJson(text) : asJson(masks.maskValue(mask, text));
      if (masked === null) return null;
      if (masked === text) return value;
      return Buffer.from(versioned ? `\u0001${masked}` : masked, encoding);
    }
    case 'Container': {
      if (mask !== undefined) return null;
      const text = read(value);
      const masked = masks.maskContent(text);
      if (binary) return masked === text ? value : null;
      return replaced(value, text, masked, encoding);
    }
    case 'Bytes': {
      if (mask !== undefined) return null;
      const text = asLatin1(value);
      const content = !binary && text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex').toString('latin1') : text;
      return masks.maskContent(content) === content ? value : null;
    }
    case 'Fixed':
      return mask === undefined ? value : null;
    default:
      return form satisfies never;
  }
}

function replaced(value: Uint8Array, text: string, masked: string, encoding: 'utf8' | 'latin1'): Uint8Array {
  return masked === text ? value : Buffer.from(masked, encoding);
}

function asJson(masked: string | null): string | null {
  return masked === null ? null : JSON.stringify(masked);
}
