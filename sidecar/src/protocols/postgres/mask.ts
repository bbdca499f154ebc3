import { fieldMaskIn, type Mask, type MaskRules } from '@sidegate/policy';
import { passesMasks } from '../passes-masks.ts';
import { asLatin1, asText } from './codec.ts';
import { hidesJson, holdsContent, isContentEscaped, maskDocument } from './container.ts';
import type { Shape, ShapeColumn } from './shape.ts';
import type { BaseColumn, OutputOrigin, RelationCatalog, SqlReading } from './sql-reading.ts';
import { isTelltaleRelation, telltale } from './telltale.ts';
import { type Form, formOf } from './value-form.ts';

/** What happens to the values of one column. */
export interface ColumnPlan {
  /** The mask on the whole value; undefined: only contents are looked for. */
  readonly mask: Mask | undefined;
  readonly form: Form;
  readonly binary: boolean;
}

/** One entry for each column; undefined where values pass as they are. */
export type MaskPlan = readonly (ColumnPlan | undefined)[];

/** Statements in which the server does what was put off: constraints and triggers that name any row. */
const LATE = new Set(['COMMIT', 'SET CONSTRAINTS', 'PREPARE TRANSACTION']);

/** The mask that replaces a value of which nothing may be seen. */
function redaction(mask: Mask): Mask {
  return mask.with.type === 'Null' || mask.with.type === 'Redact'
    ? mask
    : { rule: mask.rule, with: { type: 'Redact' } };
}

/** True when values count by where they come from, not by their contents alone: what nobody can follow must not be seen. */
export function guardsValues({ columns, fields }: MaskRules): boolean {
  return columns || fields.length > 0;
}

/** What holds in one session or command: where masks come from and what the columns are called. */
export class MaskPlanner {
  readonly masks: MaskRules;
  readonly #catalog: RelationCatalog;
  readonly #scansContent: boolean;
  /** Fields of JSON are masked: what is made of a document is not seen either. */
  readonly #guardsJson: boolean;
  /** Tables of the result that the catalog did not know. */
  readonly unknownRelations = new Set<number>();

  constructor(masks: MaskRules, catalog: RelationCatalog) {
    this.masks = masks;
    this.#catalog = catalog;
    this.#scansContent = masks.detect.length > 0 || masks.fields.length > 0;
    this.#guardsJson = masks.fields.length > 0;
  }

  /** True when the statement may show something of a masked column in a way that nobody can follow. */
  involved(reading: SqlReading | undefined): boolean {
    if (!this.guards) return false;
    if (reading === undefined || !reading.command.complete) return true;
    // What a cursor reads is not said by who fetches from it, nor is what is checked late by who ends the transaction.
    if (reading.statements.some(({ cursor, verb }) => cursor !== undefined || LATE.has(verb))) return true;
    return reading.command.statements.some(
      ({ tables, functions }) =>
        tables.some(({ schema, name }) => this.#guardsTable(schema, name)) ||
        functions.some(({ schema }) => schema !== 'pg_catalog'),
    );
  }

  /** As `guardsValues`. */
  get guards(): boolean {
    return guardsValues(this.masks);
  }

  #guardsTable(schema: string, name: string): boolean {
    if (this.masks.columns && (this.masks.masksTable(schema, name) || isTelltaleRelation(schema, name))) return true;
    return this.#guardsJson && this.#catalog.holdsJson?.(schema, name) === true;
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
    if (origin.kind === 'Column') {
      const mask = this.baseMask(origin);
      // Beside the hashes of its own values a statement would find out whose are equal to them.
      return origin.amongOwn === true && mask?.with.type === 'Hash' ? redaction(mask) : mask;
    }
    // Keeping the last characters of something computed could show the first ones of what went in.
    const masks = origin.columns
      .map((base) => this.baseMask(base) ?? this.#partMask(base))
      .filter((mask) => mask !== undefined);
    return masks[0] === undefined ? undefined : redaction(masks[0]);
  }

  baseMask({ schema, table, column }: BaseColumn): Mask | undefined {
    const mask = this.masks.columnMask(schema, table, column);
    if (mask !== undefined) return mask;
    return this.masks.columns && telltale(schema, table, column) !== undefined ? this.#unknown() : undefined;
  }

  /** On what is made of a document of which fields are masked: only the whole one shows where these are. */
  #partMask({ schema, table, column, member }: BaseColumn): Mask | undefined {
    const isDocument = this.#guardsJson && this.#catalog.holdsJson?.(schema, table, column) === true;
    return isDocument && fieldMaskIn(this.masks, member) !== undefined ? this.#unknown() : undefined;
  }

  #columnMask(column: ShapeColumn, origin: OutputOrigin | undefined, involved: boolean): Mask | undefined {
    if (!this.guards) return undefined;
    const known = this.#baseColumns(column);
    const fromLineage = this.originMask(origin, known === undefined && (involved || origin !== undefined));
    // A view's column may be made of what stands behind it.
    const isWhole = origin?.kind === 'Column' || known === undefined || this.#isOwn(column, known);
    const fromServer = (known ?? [])
      .map((base) => this.baseMask(base) ?? (isWhole ? undefined : this.#partMask(base)))
      .filter((mask) => mask !== undefined);
    const all = fromLineage === undefined ? fromServer : [fromLineage, ...fromServer];
    const [first] = all;
    if (first === undefined) return undefined;
    if (origin?.kind === 'Column' && known !== undefined && !known.some((base) => sameColumn(base, origin)))
      return redaction(first);
    return all.every((mask) => sameMask(mask, first)) ? first : redaction(first);
  }

  /** The column is one of a table, not of a view. */
  #isOwn({ tableOid, attribute }: ShapeColumn, known: readonly BaseColumn[]): boolean {
    const relation = this.#catalog.relation(tableOid);
    const name = relation?.columns.get(attribute)?.name;
    return known.some(
      ({ schema, table, column }) => schema === relation?.schema && table === relation.name && column === name,
    );
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

function sameColumn(a: BaseColumn, b: BaseColumn): boolean {
  return a.column === b.column && a.table === b.table && a.schema === b.schema;
}

function sameMask(a: Mask, b: Mask): boolean {
  return a.with.type === b.with.type && a.with.keepLast === b.with.keepLast;
}

/** True when the value from `start` to `end` is sure to stay as it is: most hold nothing that any detector would look at, and their bytes tell. */
export function passes(plan: ColumnPlan, bytes: Uint8Array, start: number, end: number, masks: MaskRules): boolean {
  const { mask, form } = plan;
  return mask === undefined && (form === 'Text' || form === 'Container') && passesMasks(bytes, masks, start, end);
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
      // A document is one as text, too.
      if (mask === undefined) return replaced(value, text, maskDocument(text, masks), encoding);
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
      const text = read(value);
      if (mask !== undefined || (masks.fields.length > 0 && hidesJson(text))) return null;
      if (binary) return holdsContent(value, masks, read) ? null : value;
      const masked = masks.maskContent(text);
      return masked === text && isContentEscaped(text, masks) ? null : replaced(value, text, masked, encoding);
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
