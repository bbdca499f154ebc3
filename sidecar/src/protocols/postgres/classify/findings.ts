import type {
  ColumnUse,
  FunctionUse,
  Incompleteness,
  PostgresCommand,
  PostgresStatement,
  TableUse,
} from '@sidegate/policy';
import type { Node, SelectStmt } from 'libpg-query';
import type { Catalog, CatalogFunction, CatalogRelation } from '../catalog.ts';
import { NO_NAMES, type SessionNames } from '../session-names.ts';
import type { BaseColumn, OutputOrigin, SqlReading, SqlState, StatementReading } from '../sql-reading.ts';
import type { Columns, FromItem, Scope } from './scope.ts';
import { baseOf, columnKey, columnsOf, type Value } from './value.ts';
import { DEPTH_MAX, STEPS_MAX, Work } from './work.ts';

/** How an expression's value is used. `Both`: it is read out, and whether it fails tells something as well. */
export type Use = 'Output' | 'Condition' | 'Both' | 'None';

/** How the arguments of something are used whose failing or result tells about them. */
export function alsoCondition(use: Use): Use {
  if (use === 'Output') return 'Both';
  return use === 'None' ? 'Condition' : use;
}

/** More findings of one kind than this, and the command counts as not understood. */
const FINDINGS_MAX = 20_000;

/** What is found in one statement, gathered while it is walked. */
export class StatementFindings {
  readonly #tables = new Map<string, TableUse>();
  readonly #functions = new Map<string, FunctionUse>();
  readonly #columns = new Map<string, ColumnUse>();
  readonly verb: string;
  hasWhere = false;
  hasLimit = false;
  /** How often a column of the rows that it changes was read so far. */
  changedReads = 0;

  constructor(verb: string) {
    this.verb = verb;
  }

  addTable(schema: string, name: string, access: TableUse['access']): void {
    this.#tables.set(`${schema}\0${name}\0${access}`, { schema, name, access });
  }

  addFunction(use: FunctionUse): void {
    this.#functions.set(`${use.schema}\0${use.name}\0${use.volatility}`, use);
  }

  addColumns(columns: readonly BaseColumn[], use: Use): void {
    if (use === 'Output' || use === 'Both') for (const column of columns) this.#addColumn(column, 'Output');
    if (use === 'Condition' || use === 'Both') for (const column of columns) this.#addColumn(column, 'Condition');
  }

  #addColumn(column: BaseColumn, use: ColumnUse['use']): void {
    this.#columns.set(`${columnKey(column)}\0${use}`, { ...baseOf(column), use });
  }

  /** What is asked of columns that nobody can tell may be asked of any that are read. */
  askOfAll(): void {
    for (const column of this.columns) this.#addColumn(column, 'Condition');
  }

  get tables(): readonly TableUse[] {
    return [...this.#tables.values()];
  }

  get functions(): readonly FunctionUse[] {
    return [...this.#functions.values()];
  }

  get columns(): readonly ColumnUse[] {
    return [...this.#columns.values()];
  }

  get size(): number {
    return this.#tables.size + this.#functions.size + this.#columns.size;
  }

  finish(): PostgresStatement {
    return {
      verb: this.verb,
      hasWhere: this.hasWhere,
      hasLimit: this.hasLimit,
      tables: this.tables,
      functions: this.functions,
      columns: this.columns,
    };
  }
}

/** Where a literal or a parameter meets base columns. */
class Meetings {
  readonly #byPlace = new Map<number, readonly BaseColumn[]>();

  add(places: readonly number[], columns: readonly BaseColumn[]): void {
    for (const place of places) {
      const met = this.#byPlace.get(place);
      if (met === undefined) this.#byPlace.set(place, columns);
      else if (met !== columns) this.#byPlace.set(place, unite(met, columns));
    }
  }

  /** Each column once. */
  at(place: number): readonly BaseColumn[] {
    const met = this.#byPlace.get(place) ?? [];
    return met.length < 2 ? met : unite(met, []);
  }

  get places(): readonly number[] {
    return [...this.#byPlace.keys()];
  }
}

function unite(some: readonly BaseColumn[], others: readonly BaseColumn[]): readonly BaseColumn[] {
  const united = new Map(some.map((column) => [columnKey(column), column]));
  for (const column of others) united.set(columnKey(column), column);
  return [...united.values()];
}

/** What lies behind a view. */
export interface ViewReading {
  readonly outputs: readonly OutputOrigin[] | undefined;
  readonly tables: readonly TableUse[];
  readonly functions: readonly FunctionUse[];
  readonly incomplete: readonly Incompleteness[];
}

/** Who reads which kind of thing; called through `walk.ts`. */
export interface Walkers {
  expression(node: Node, scope: Scope, context: Context, use: Use): Value;
  select(select: SelectStmt, parent: Scope | undefined, context: Context, use: Use): Columns;
  from(node: Node, scope: Scope, context: Context): FromItem;
  write(node: Node, parent: Scope | undefined, outer: Context): Columns;
  statement(node: Node, findings: Findings): StatementReading;
  inside(query: Node, outer: Findings): SqlReading;
  view(catalog: Catalog, relation: CatalogRelation): ViewReading;
  body(called: CatalogFunction, context: Context): BodyReading | undefined;
}

/** What a function gives that is written in SQL and only reads. */
export interface BodyReading {
  readonly columns: Columns;
  /** By number of the parameter, from 1, the columns that it meets. */
  readonly parameters: ReadonlyMap<number, readonly BaseColumn[]>;
}

/** A setting that a call of set_config makes. */
export interface SettingCall {
  readonly name: string;
  readonly value: string | undefined;
  readonly local: boolean;
}

/** What is found in one text. */
export class Findings {
  readonly catalog: Catalog;
  readonly walkers: Walkers;
  /** Moves on from statement to statement. */
  state: SqlState;
  readonly statements: StatementFindings[] = [];
  readonly literals = new Meetings();
  readonly parameters = new Meetings();
  /** Byte offsets of literals whose text was read as the name of a member. */
  readonly keys = new Set<number>();
  readonly #incomplete = new Map<string, Incompleteness>();
  parametersMax = 0;
  /** False once something depends on what a literal says, not only on that it is there. */
  shapeDecides = true;
  /** Settings that change meaning and that a call of set_config made. */
  readonly settings: SettingCall[] = [];
  /** The one row of pg_settings that the statement reads, by the name of its setting. */
  settingsRow: string | undefined;
  /** True once prepared statements or cursors of the session were consulted. */
  ofThisMoment = false;

  /** True while the statement of an EXPLAIN ANALYZE is read: its answer tells how much room values take. */
  measured = false;

  readonly work: Work;

  constructor(catalog: Catalog, state: SqlState, walkers: Walkers, work: Work = new Work()) {
    this.work = work;
    this.catalog = catalog;
    this.state = state;
    this.walkers = walkers;
  }

  get names(): SessionNames {
    return this.state.names ?? NO_NAMES;
  }

  openStatement(verb: string): Context {
    const statement = new StatementFindings(verb);
    this.statements.push(statement);
    return { findings: this, statement };
  }

  /** Counts work. False once there was too much of it: then the text counts as not understood and reading stops. */
  step(count = 1): boolean {
    if (this.work.step(count)) return true;
    this.incomplete('TooLarge', `Reading it takes more than ${STEPS_MAX} steps.`);
    return false;
  }

  /** Runs `walk` one level deeper; beyond a depth that the stack surely holds, gives `otherwise` and the text counts as not understood. */
  deeper<T>(levels: number, walk: () => T, otherwise: T): T {
    if (!this.step()) return otherwise;
    const done = this.work.deeper(levels, walk);
    if (done !== undefined) return done.result;
    this.incomplete('TooLarge', `It nests deeper than ${DEPTH_MAX}.`);
    return otherwise;
  }

  /** For what stands inside of this text and is judged apart first. */
  inside(state: SqlState = this.state): Findings {
    return new Findings(this.catalog, state, this.walkers, this.work);
  }

  /** What another command found counts as found here. */
  include(command: PostgresCommand): void {
    for (const { kind, detail } of command.incomplete) this.incomplete(kind, detail);
    for (const { verb, hasWhere, hasLimit, tables, functions, columns } of command.statements) {
      const { statement } = this.openStatement(verb);
      statement.hasWhere = hasWhere;
      statement.hasLimit = hasLimit;
      for (const { schema, name, access } of tables) statement.addTable(schema, name, access);
      for (const use of functions) statement.addFunction(use);
      for (const use of columns) statement.addColumns([use], use.use);
    }
  }

  /** Takes over what was noted of literals, parameters and the session, not the statements. */
  takeNotes(other: Findings): void {
    for (const place of other.literals.places) this.literals.add([place], other.literals.at(place));
    for (const place of other.parameters.places) this.parameters.add([place], other.parameters.at(place));
    for (const place of other.keys) this.keys.add(place);
    this.parametersMax = Math.max(this.parametersMax, other.parametersMax);
    if (!other.shapeDecides) this.shapeDecides = false;
    if (other.ofThisMoment) this.ofThisMoment = true;
  }

  incomplete(kind: string, detail: string): void {
    this.#incomplete.set(`${kind}\0${detail}`, { kind, detail });
  }

  /** The catalog does not say any longer what this is; `what` comes with its verb. */
  stale(what: string): void {
    this.incomplete('StaleCatalog', `${what} changed in a transaction that is still open.`);
  }

  /** Literals and parameters of `value` stand where these columns are compared with or written to. */
  meet(value: Value, columns: readonly BaseColumn[]): void {
    if (columns.length === 0 || !this.step(columns.length * (value.literals.length + value.parameters.length))) return;
    this.literals.add(value.literals, columns);
    this.parameters.add(value.parameters, columns);
  }

  /** Nothing was found so far that is not understood. */
  get isWhole(): boolean {
    return this.#incomplete.size === 0;
  }

  get incompletenesses(): readonly Incompleteness[] {
    let size = 0;
    for (const statement of this.statements) size += statement.size;
    if (size > FINDINGS_MAX) this.incomplete('TooLarge', `It touches more than ${FINDINGS_MAX} things.`);
    return [...this.#incomplete.values()];
  }
}

/** What is passed down while a statement is walked. */
export interface Context {
  readonly findings: Findings;
  readonly statement: StatementFindings;
}

/** Notes that the columns of `origin` are used so. */
export function recordUse(context: Context, origin: OutputOrigin, use: Use): void {
  const columns = columnsOf(origin);
  if (use !== 'None' && context.findings.step(columns.length)) context.statement.addColumns(columns, use);
}
