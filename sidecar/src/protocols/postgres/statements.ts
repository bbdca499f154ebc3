import type { NumberedReading } from './reading-cache.ts';
import type { RunningCommand } from './running-command.ts';
import type { Shape } from './shape.ts';
import type { OutputOrigin, SqlReading } from './sql-reading.ts';

/** A prepared statement of the server, made by Parse or by SQL's PREPARE. */
export interface PreparedStatement {
  readonly name: string;
  /** Parse: its text. PREPARE: the whole text that held it, and which of its statements it was. */
  readonly text: string;
  /** False when the server may have read another text (encoding). */
  readonly readable: boolean;
  readonly prepareIndex: number | undefined;
  /** The reading of `text` when it was made: what of it may be shown. */
  readonly whole: NumberedReading;
  /** The Parse frame, copied: part of what an approval of a Bind is bound to. */
  readonly wire: Uint8Array;
  /** The reading and what it was read under; read again when that is no longer so. */
  memo: { readonly key: string; readonly numbered: NumberedReading };
  parameterTypes: readonly number[];
  /** What the server said its rows look like, and in which epoch. */
  shape: Shape | undefined;
  shapeEpoch: number;
  /** The epoch in which it was last asked: the answer is on its way, or was "no rows". */
  describedEpoch: number;
}

/** A portal of the server, made by Bind. */
export interface Portal {
  readonly name: string;
  readonly statement: PreparedStatement;
  readonly numbered: NumberedReading;
  readonly formats: readonly number[];
  /** Parse and Bind frames, copied. */
  readonly wire: Uint8Array;
  readonly binds: Binds;
  /** The command that the Bind was judged as; its first Execute in the same cycle belongs to it. */
  readonly command: RunningCommand;
  readonly cycle: number;
  /** The rules that its Bind was judged under. */
  readonly rulesEpoch: number;
  /** Where its Bind stands among all frames that the server answers. */
  readonly position: number;
  executed: boolean;
  /** Describe of this portal was sent: its shape will be known before its rows come. */
  described: boolean;
  shape: Shape | undefined;
}

export interface Binds {
  readonly formats: readonly number[];
  readonly values: readonly (Uint8Array | undefined)[];
}

/** Takes back what a frame did to the registry: the server `tried` it and failed, or never looked at it. */
export type Undo = (tried: boolean) => void;

/** Where a frame stands: among all that the server answers, and in which cycle. */
export interface Place {
  readonly position: number;
  readonly cycle: number;
}

/** What the server holds for one session by name. Changes are made when a frame is forwarded and taken back when it fails. */
export class Statements {
  readonly #statements = new WiresByName<PreparedStatement>();
  readonly #portals = new WiresByName<Portal>();
  /** The last frame that changed a name, by kind and name. */
  readonly #touched = new Map<string, Place>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** True when no more may be prepared or bound. */
  get full(): boolean {
    return this.#statements.size + this.#portals.size >= this.#max;
  }

  get heldBytes(): number {
    return this.#statements.bytes + this.#portals.bytes;
  }

  statement(name: string): PreparedStatement | undefined {
    return this.#statements.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  statements(): Iterable<PreparedStatement> {
    return this.#statements.values();
  }

  get statementCount(): number {
    return this.#statements.size;
  }

  /** Outputs by portal name: a portal is a cursor too. */
  portalOutputs(): Map<string, readonly OutputOrigin[] | undefined> {
    const outputs = new Map<string, readonly OutputOrigin[] | undefined>();
    for (const [name, { numbered }] of this.#portals)
      if (name !== '') outputs.set(name, numbered.reading.statements[0]?.outputs);
    return outputs;
  }

  /**
   * True while an earlier cycle, which may still fail, changed what the name stands for: nobody knows what the server has under it. In the
   * same cycle there is no doubt, for when a frame fails the server drops those that follow.
   */
  uncertain(what: 'S' | 'P', name: string, answered: number, cycle: number): boolean {
    const place = this.#touched.get(what + name);
    if (place === undefined) return false;
    if (place.position >= answered) return place.cycle < cycle;
    this.#touched.delete(what + name);
    return false;
  }

  addStatement(statement: PreparedStatement, place?: Place): Undo {
    if (place !== undefined) this.#touched.set(`S${statement.name}`, place);
    const before = this.#statements.get(statement.name);
    this.#statements.set(statement.name, statement);
    // The unnamed statement is gone as soon as another is tried; a named one stays when its name is taken.
    return (tried) =>
      this.#restore(this.#statements, statement.name, tried && statement.name === '' ? undefined : before, statement);
  }

  addPortal(portal: Portal, place: Place): Undo {
    this.#touched.set(`P${portal.name}`, place);
    const before = this.#portals.get(portal.name);
    this.#portals.set(portal.name, portal);
    return (tried) =>
      this.#restore(this.#portals, portal.name, tried && portal.name === '' ? undefined : before, portal);
  }

  closeStatement(name: string, place?: Place): Undo {
    if (place !== undefined) this.#touched.set(`S${name}`, place);
    const before = this.#statements.get(name);
    this.#statements.delete(name);
    return () => this.#restore(this.#statements, name, before, undefined);
  }

  closePortal(name: string, place?: Place): Undo {
    if (place !== undefined) this.#touched.set(`P${name}`, place);
    const before = this.#portals.get(name);
    this.#portals.delete(name);
    return () => this.#restore(this.#portals, name, before, undefined);
  }

  clearStatements(): void {
    this.#statements.clear();
  }

  /** A transaction ended: portals that were made before `position` are gone. */
  clearPortals(position: number): void {
    for (const [name, portal] of this.#portals) if (portal.position < position) this.#portals.delete(name);
  }

  #restore<T>(map: Map<string, T>, name: string, before: T | undefined, mine: T | undefined): void {
    if (map.get(name) !== mine) return;
    if (before === undefined) map.delete(name);
    else map.set(name, before);
  }
}

/** Keeps count of the frames that are kept with what they made. */
class WiresByName<T extends { readonly wire: Uint8Array }> extends Map<string, T> {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  override set(name: string, made: T): this {
    this.delete(name);
    this.#bytes += made.wire.length;
    return super.set(name, made);
  }

  override delete(name: string): boolean {
    this.#bytes -= this.get(name)?.wire.length ?? 0;
    return super.delete(name);
  }

  override clear(): void {
    this.#bytes = 0;
    super.clear();
  }
}

/** The prepared statements as the SQL reader looks them up: each in the form that holds now. */
export class PreparedReadings extends Map<string, SqlReading> {
  readonly #statements: Statements;
  readonly #current: (statement: PreparedStatement) => SqlReading;
  /** Those that the reading under way looked up. */
  #runs: PreparedStatement[] = [];

  constructor(statements: Statements, current: (statement: PreparedStatement) => SqlReading) {
    super();
    this.#statements = statements;
    this.#current = current;
  }

  override get(name: string): SqlReading | undefined {
    const statement = this.#statements.statement(name);
    if (statement === undefined) return undefined;
    this.#runs.push(statement);
    return this.#current(statement);
  }

  /** What a reading gives, with the statements that it looked up, also by way of others. */
  during(read: () => NumberedReading): NumberedReading {
    const around = this.#runs;
    this.#runs = [];
    const numbered = read();
    const runs = this.#runs;
    this.#runs = [...around, ...runs];
    return runs.length === 0 ? numbered : { ...numbered, runs };
  }

  override has(name: string): boolean {
    return this.#statements.statement(name) !== undefined;
  }

  override get size(): number {
    return this.#statements.statementCount;
  }
}
