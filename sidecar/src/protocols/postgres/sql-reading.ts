import type { MaskRules, PostgresCommand } from '@sidegate/policy';
import type { CreatedRelation, NewReference, SessionNames } from './session-names.ts';

/** A column of a table that holds data (not of a view). */
export interface BaseColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** By names and numbers of members, the part of its documents of JSON that counts; absent: all of the value. */
  readonly member?: readonly string[];
}

/** Where the values of one result column come from. */
export type OutputOrigin =
  /** The values of one base column, unchanged. `amongOwn`: values that the statement itself gives may stand among them. */
  | ({ readonly kind: 'Column'; readonly amongOwn?: true } & BaseColumn)
  /** An expression: all base columns that flow into it, also by way of conditions inside it (CASE). */
  | { readonly kind: 'Computed'; readonly columns: readonly BaseColumn[] }
  /** Nothing of the server's data: a constant, a parameter, `now()`. */
  | { readonly kind: 'Literal' }
  | { readonly kind: 'Unknown' };

/** What a statement changes in the session once it is done; it holds for the statements after it. */
export type SessionEffect =
  | { readonly kind: 'Begin' }
  | { readonly kind: 'Commit' }
  /** Of the whole transaction; settings go back to what they were before it. */
  | { readonly kind: 'Rollback' }
  | { readonly kind: 'RollbackToSavepoint' }
  /** `name` in lower case; `value` undefined when it cannot be told (then what depends on it is unknown). */
  | { readonly kind: 'Set'; readonly name: string; readonly value: string | undefined; readonly local: boolean }
  /** `name` undefined: RESET ALL. */
  | { readonly kind: 'Reset'; readonly name: string | undefined }
  /** SET ROLE, SET SESSION AUTHORIZATION; undefined: none, or default. */
  | { readonly kind: 'SetRole'; readonly role: string | undefined }
  | { readonly kind: 'DiscardAll' }
  /** SQL's PREPARE: `reading` is that of the statement inside it. */
  | { readonly kind: 'Prepare'; readonly name: string; readonly reading: SqlReading }
  /** `name` undefined: DEALLOCATE ALL. */
  | { readonly kind: 'Deallocate'; readonly name: string | undefined }
  /** SQL's DECLARE: what FETCH and MOVE of that cursor give. */
  | {
      readonly kind: 'DeclareCursor';
      readonly name: string;
      readonly hold: boolean;
      readonly outputs: readonly OutputOrigin[] | undefined;
    }
  /** `name` undefined: CLOSE ALL. */
  | { readonly kind: 'CloseCursor'; readonly name: string | undefined }
  /** Something that may have changed any setting (a call of set_config with unknown arguments): nothing is known from here on. */
  | { readonly kind: 'Unknown' };

/** What COPY moves, and how a row of it is written. */
export interface CopyShape {
  readonly direction: 'In' | 'Out';
  /** One for each column that moves, in order; undefined when it cannot be told. */
  readonly columns: readonly OutputOrigin[] | undefined;
  /** The type of each of `columns`; undefined where it cannot be told. */
  readonly typeOids: readonly (number | undefined)[] | undefined;
  readonly format: 'Text' | 'Csv' | 'Binary';
  /** One character each; for text `delimiter` is a tab and `nullText` is `\N` unless the statement says otherwise. */
  readonly delimiter: string;
  readonly nullText: string;
  readonly quote: string;
  readonly escape: string;
  readonly header: boolean;
  /** That of the rows, in capitals, as the statement names it; absent: the session's. */
  readonly encoding?: string;
}

/** One statement at the top level of the text. */
export interface StatementReading {
  /** As in `PostgresStatement.verb`. */
  readonly verb: string;
  /**
   * One for each result column when the statement gives rows (SELECT, RETURNING, FETCH, EXECUTE, EXPLAIN, SHOW); empty when it gives none;
   * undefined when it cannot be told.
   */
  readonly outputs: readonly OutputOrigin[] | undefined;
  /** DDL, or anything else after which an older catalog may lie. */
  readonly changesCatalog: boolean;
  readonly sessionEffect: SessionEffect | undefined;
  /** EXECUTE: the name of the prepared statement that runs. */
  readonly execute?: string;
  /** FETCH, MOVE: the name of the cursor that it reads. */
  readonly cursor?: string;
  readonly copy?: CopyShape;
  /** DDL: unqualified names of the relations and functions that an older catalog describes wrongly from here on. */
  readonly changes?: readonly string[];
  /** The relations that it makes. */
  readonly creates?: readonly CreatedRelation[];
  /** The tables that foreign keys which it makes point to. */
  readonly refers?: readonly NewReference[];
  /** The names of `outputs`, where they are known. */
  readonly outputNames?: readonly string[];
}

/** True when two readings of one text say the same of it. */
export function sameMeaning(one: SqlReading, other: SqlReading): boolean {
  if (one === other) return true;
  const [left, right] = [one, other].map(({ command, statements }) =>
    JSON.stringify([command, statements.map(({ outputs, copy }) => [outputs ?? null, copy])]),
  );
  return left === right;
}

/** A text of SQL, read by PostgreSQL's own parser. A text that cannot be parsed gives no statements and a command that is not complete. */
export interface SqlReading {
  readonly command: PostgresCommand;
  readonly statements: readonly StatementReading[];
  /** For `$1`, `$2` ... the base columns that the parameter is compared with or written to; undefined where it cannot be told. */
  readonly parameters: readonly (readonly BaseColumn[] | undefined)[];
  /** Short names for lists: `SELECT`, `read public.orders`. */
  readonly verbs: readonly string[];
  readonly objects: readonly string[];
  /** A digest of what the views and the functions in SQL are made of that it uses. Absent: it uses none. */
  readonly definitions?: string;
  /** True when it was read with the help of `prepared` or `cursors` of the state: such a reading holds only now. */
  readonly ofThisMoment: boolean;
  /** The text with the literals masked that meet a masked column, then with content detectors run over it: what a record may show. */
  masksText(masks: MaskRules): string;
}

/** The settings that the meaning of a statement depends on; each undefined when it cannot be told. */
export interface MeaningSettings {
  /** Schemas in the order in which an unqualified name is looked for, `"$user"` resolved. */
  readonly searchPath: readonly string[] | undefined;
  readonly standardConformingStrings: boolean | undefined;
  /** The role whose rights count. */
  readonly role: string | undefined;
}

/** What a session has set up so far and what the meaning of the next statement depends on. Immutable. */
export interface SqlState extends MeaningSettings {
  /** Changes with everything here but `prepared` and `cursors`: part of every cache key. */
  readonly settingsKey: string;
  /** What RESET goes back to. Absent: to what the catalog says of a fresh session. */
  readonly atStart?: MeaningSettings;
  /** The open transaction has changed settings, which may end with it. Absent: it has not. */
  readonly unsettled?: true;
  /** By name, whether PREPARE or Parse made it: the server has one namespace for both. */
  readonly prepared: ReadonlyMap<string, SqlReading>;
  readonly cursors: ReadonlyMap<string, readonly OutputOrigin[] | undefined>;
  /** Upper case, letters and digits only (`UTF8`). Absent: what the text was decoded from is known to be right. */
  readonly clientEncoding?: string;
  /** What `defineNames` makes of the statements so far. Absent: nothing was defined. */
  readonly names?: SessionNames;
}

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  /**
   * Every base column whose values may stand here, under each name that a mask may call it by: itself in a table, the parent's column and
   * its own in a partition or child table, what lies behind a view's column. Undefined when it cannot be told.
   */
  readonly bases: readonly BaseColumn[] | undefined;
}

/** A relation as the server's catalog describes it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  /** By attribute number, from 1; system columns have negative numbers and are absent. */
  readonly columns: ReadonlyMap<number, RelationColumn>;
}

/** The part of the catalog that results are masked by. The full catalog adds what reading SQL needs. */
export interface RelationCatalog {
  /** Changes whenever anything in it does. */
  readonly version: string;
  /** By pg_class oid. Undefined: no such relation when the catalog was read. */
  relation(oid: number): Relation | undefined;
  /** True when the column, or without one any column of the table, may hold JSON: also when the catalog knows no such table. Absent: none does. */
  holdsJson?(schema: string, table: string, column?: string): boolean;
}

/**
 * Reads one text. Pure and synchronous; never throws. Caching by normalised text is the reader's own affair (and lives with the
 * catalog object, so that it dies with it); the session keeps a small cache by exact text, catalog version and `settingsKey`.
 */
export type ReadSql<C extends RelationCatalog = RelationCatalog> = (
  text: string,
  catalog: C,
  state: SqlState,
) => SqlReading;
