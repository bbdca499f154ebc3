import type { MaskRules } from '@sidegate/policy';
import type { Outbox } from '../outbox.ts';
import type { CloseCode, CommandId, ProtocolLimits, Step } from '../protocol.ts';
import type { CatalogWatch } from './catalog-watch.ts';
import { FLUSH, writeReadyForQuery } from './codec-writer.ts';
import { commandOf, type Expectation } from './expectation.ts';
import type { NumberedReading, ReadingCache } from './reading-cache.ts';
import { writeError } from './refuse.ts';
import type { RunningCommand } from './running-command.ts';
import { type NameChanges, NO_NAMES } from './session-names.ts';
import type { RelationCatalog, SqlReading, SqlState } from './sql-reading.ts';
import type { SessionState } from './sql-state.ts';
import { type Place, PreparedReadings, type PreparedStatement, Statements } from './statements.ts';
import type { Waiting } from './waiting.ts';

export const IDLE = 0x49;

/** Kinds of incompleteness that a newer catalog may mend. */
const CATALOG_GAPS: ReadonlySet<string> = new Set(['UnknownTable', 'UnknownColumn', 'UnknownFunction']);

/** Encodings in which a byte of a longer character may look like ASCII: what stands where cannot be told without decoding them. */
const TREACHEROUS = new Set(['SJIS', 'BIG5', 'GBK', 'UHC', 'GB18030', 'JOHAB', 'SHIFT_JIS_2004']);

export interface LaneOptions {
  readonly outbox: Outbox;
  readonly limits: ProtocolLimits;
  readonly cache: ReadingCache;
  readonly state: SessionState;
  readonly catalog: RelationCatalog;
  readonly parameters: ReadonlyMap<string, string>;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  readonly database: string;
  readonly catalogWatch: CatalogWatch;
}

/** What both sides of an open session share: what was forwarded, what is owed, and what the session has set up so far. */
export class Lane {
  readonly outbox: Outbox;
  readonly limits: ProtocolLimits;
  readonly state: SessionState;
  readonly statements: Statements;
  readonly queue: Expectation[] = [];
  readonly running = new Set<RunningCommand>();
  masks: MaskRules;
  recordMasks: MaskRules;
  catalog: RelationCatalog;
  /** How many frames have been answered. */
  answered = 0;
  catalogAsked = false;
  readonly catalogWatch: CatalogWatch;
  /** What the server last said of its transaction. */
  status = IDLE;
  /** Counts from Sync to Sync. */
  cycle = 1;
  /** Frames of the extended protocol were sent since the last Sync. */
  cycleOpen = false;
  /** Frames were sent that the server may answer only after a Flush or Sync. */
  flushNeeded = false;
  /** The agent's frames are dropped until its Sync: something in this cycle failed or was refused. */
  skipping = false;
  /** A cancel is on its way to the server: what it might meet must wait. */
  cancelling = false;
  /** Cycles in which something was sent for execution that may change anything; kept only while answers are limited. */
  readonly writingCycles = new Set<number>();
  copy: 'None' | 'Awaited' | 'In' = 'None';
  copyCommand: RunningCommand | undefined;
  /** Known shapes hold within an epoch: what changes names or tables begins another. */
  shapeEpoch = 1;
  /** Values of settings as the agent itself gave them last. */
  readonly said = new Map<string, string>();
  /** What the server reported at login. */
  readonly atStart: ReadonlyMap<string, string>;
  /** Counts the rules that were in force: what was judged under older ones is judged again. */
  rulesEpoch = 1;
  waiting: Waiting | undefined;
  lastCommandId: CommandId = 0;
  utf8 = true;
  treacherous = false;
  over = false;
  /** The server said its own last word. */
  saidFarewell = false;
  readonly #cache: ReadingCache;
  readonly #database: string;
  readonly #prepared: PreparedReadings;
  #missedIn: string | undefined;
  readonly #unknownRelations = new Set<number>();
  /** Done; said so when it is clear that no more of its answer follows. */
  #finishing: RunningCommand | undefined;
  #stateChanges = 0;

  constructor(options: LaneOptions) {
    this.outbox = options.outbox;
    this.limits = options.limits;
    this.state = options.state;
    this.catalog = options.catalog;
    this.atStart = options.parameters;
    this.masks = options.masks;
    this.recordMasks = options.recordMasks;
    this.statements = new Statements(options.limits.preparedMax);
    this.#cache = options.cache;
    this.#database = options.database;
    this.catalogWatch = options.catalogWatch;
    this.#prepared = new PreparedReadings(this.statements, (statement) => this.currentReading(statement));
    for (const [name, value] of options.parameters) this.#encoding(name, value);
  }

  get head(): Expectation | undefined {
    return this.queue[0];
  }

  /** The command that a frame of the server belongs to when nothing else tells: 0 for none. */
  get currentId(): CommandId {
    return commandOf(this.queue[0])?.id ?? this.#finishing?.id ?? 0;
  }

  /** The command that has just been answered; 0 for none. */
  get finishingId(): CommandId {
    return this.#finishing?.id ?? 0;
  }

  /** True while a command runs after which the next one may mean something else. */
  get changing(): boolean {
    return this.#stateChanges > 0;
  }

  read(text: string): NumberedReading {
    const key = this.#settingsKey();
    const view = (): SqlState => {
      const state = this.state.view(this.#prepared, this.statements.portalOutputs());
      return key === this.state.key
        ? state
        : { ...state, settingsKey: key, names: this.catalogWatch.beside(state.names ?? NO_NAMES) };
    };
    return this.#prepared.during(() => this.#cache.read(text, this.catalog, key, view));
  }

  /** What a reading hangs on beside the catalog: the session's state, and names that others are defining. */
  #settingsKey(): string {
    const open = this.catalogWatch.beside(NO_NAMES);
    return open === NO_NAMES ? this.state.key : `${this.state.key}\n${open.key}`;
  }

  /** The reading of a prepared statement under what holds now: the server looks names up again, too. */
  currentNumbered(statement: PreparedStatement): NumberedReading {
    const key = this.memoKey();
    if (statement.memo.key !== key || statement.memo.numbered.reading.ofThisMoment) {
      let numbered = this.read(statement.text);
      if (statement.prepareIndex !== undefined) {
        const effect = numbered.reading.statements[statement.prepareIndex]?.sessionEffect;
        if (effect?.kind === 'Prepare') numbered = this.#cache.numbered(effect.reading);
      }
      statement.memo = { key, numbered };
    }
    return statement.memo.numbered;
  }

  currentReading(statement: PreparedStatement): SqlReading {
    return this.currentNumbered(statement).reading;
  }

  memoKey(): string {
    return `${this.catalog.version}\n${this.#settingsKey()}`;
  }

  /** Where the next frame will stand among all that the server answers. */
  get position(): number {
    return this.answered + this.queue.length;
  }

  /** The place of the next frame. */
  get place(): Place {
    return { position: this.position, cycle: this.cycle };
  }

  /** True when it is not known yet what the server has under a name. */
  uncertain(what: 'S' | 'P', name: string): boolean {
    return this.statements.uncertain(what, name, this.answered, this.cycle);
  }

  expect(expectation: Expectation): void {
    this.queue.push(expectation);
  }

  /** The server has paid what it owed first. */
  settled(): Expectation | undefined {
    this.answered++;
    return this.queue.shift();
  }

  /** What would come second will never be answered. */
  unexpectSecond(): void {
    this.answered++;
    this.queue.splice(1, 1);
  }

  /** The server starts to carry the command out; for a Bind that is its first Execute. */
  executing(command: RunningCommand): void {
    if (command.executing || !command.changesState) return;
    command.executing = true;
    this.#stateChanges++;
    for (const statement of command.reading?.statements ?? []) {
      if (statement.changesCatalog) this.catalogWatch.sent(statement);
    }
  }

  /** The command is done. It is reported when the next frame shows that its answer is complete. */
  finish(command: RunningCommand): void {
    if (command.finished) return;
    this.#over(command);
    this.reportFinished();
    this.#finishing = command;
  }

  #over(command: RunningCommand): void {
    command.finished = true;
    this.running.delete(command);
    if (command.executing) this.#stateChanges--;
    if (this.copyCommand !== command) return;
    this.copy = 'None';
    this.copyCommand = undefined;
  }

  /** The first frame that is owed failed in the extended protocol: the server drops all that follow up to the Sync. */
  failCycle(): void {
    const failed: Expectation[] = [];
    while (this.queue.length > 0 && this.queue[0]?.kind !== 'Sync') {
      const expectation = this.settled();
      if (expectation !== undefined) failed.push(expectation);
    }
    if (this.queue.length === 0) {
      this.skipping = true;
      if (this.waiting !== undefined) this.waiting.skipped = true;
    }
    const first = commandOf(failed[0]);
    for (const expectation of failed) {
      const command = commandOf(expectation);
      if (command !== undefined && command !== first && !command.finished) {
        this.#over(command);
        this.drop(
          command.id,
          'Failed',
          '',
          'An earlier command of the pipeline failed, so the server skipped this one.',
        );
      }
      if (expectation.kind === 'Local' && expectation.commandId !== 0)
        this.drop(expectation.commandId, 'Refused', expectation.errorCode, expectation.errorText);
    }
    for (let at = failed.length - 1; at >= 0; at--) {
      const expectation = failed[at];
      if (expectation !== undefined && 'undo' in expectation) expectation.undo(at === 0);
    }
    if (first !== undefined) this.finish(first);
  }

  /** The Sync of a cycle is answered: what was bound in it and never executed is over. */
  endCycle(cycle: number): void {
    for (const ended of this.writingCycles) if (ended <= cycle) this.writingCycles.delete(ended);
    for (const command of this.running) {
      if (command.cycle > cycle) continue;
      this.finish(command);
      this.reportFinished();
    }
  }

  /** DDL ran. */
  catalogChanged(changes: NameChanges = {}): void {
    this.catalogWatch.changed(changes);
    this.shapeEpoch++;
  }

  /** A result came from a table that the catalog does not know: it is read again, once. */
  metUnknownRelation(oid: number): void {
    if (this.#unknownRelations.has(oid)) return;
    this.#unknownRelations.add(oid);
    this.catalogWatch.note();
  }

  /** PREPARE made a statement that EXECUTE, and Bind too, can name. */
  preparedInSql(name: string, inner: SqlReading, { text, statementIndex, reading = inner }: RunningCommand): void {
    this.statements.addStatement({
      name,
      text,
      whole: this.#cache.numbered(reading),
      readable: true,
      prepareIndex: statementIndex,
      wire: Buffer.from(text),
      memo: { key: this.memoKey(), numbered: this.#cache.numbered(inner) },
      parameterTypes: [],
      shape: undefined,
      shapeEpoch: 0,
      describedEpoch: 0,
    });
  }

  reportFinished(): void {
    const command = this.#finishing;
    if (command === undefined) return;
    this.#finishing = undefined;
    this.outbox.push({
      kind: 'Finished',
      commandId: command.id,
      outcome: command.failed ? 'Failed' : 'Done',
      tag: command.tag,
      errorCode: command.errorCode,
      errorText: command.errorText,
      rows: command.rows,
      maskedValues: command.maskedValues,
    });
  }

  /** A command that never ran, or whose end nobody will see. */
  drop(commandId: CommandId, outcome: 'Refused' | 'Failed' | 'Lost', errorCode: string, errorText: string): void {
    this.outbox.push({
      kind: 'Finished',
      commandId,
      outcome,
      tag: '',
      errorCode,
      errorText,
      rows: 0,
      maskedValues: 0,
    });
  }

  /** Gives the agent what the gate itself has to say, where its turn has come. */
  deliverLocal(): void {
    for (let head = this.queue[0]; head?.kind === 'Local'; head = this.queue[0]) {
      this.settled();
      this.reportFinished();
      const { commandId, bytes, ready, errorCode, errorText } = head;
      this.outbox.answer(commandId, bytes);
      if (ready) this.outbox.answer(commandId, writeReadyForQuery(this.status));
      if (commandId !== 0) this.drop(commandId, 'Refused', errorCode, errorText);
    }
  }

  /** The server will answer what it was sent so far. */
  flush(): void {
    if (!this.flushNeeded) return;
    this.flushNeeded = false;
    this.outbox.push({ kind: 'PaceTarget', bytes: FLUSH });
  }

  parameterReported(name: string, value: string): void {
    this.state.reported(name, value);
    this.#encoding(name, value);
  }

  /** Asks for the catalog anew; nothing more is read until it is there. */
  askCatalog(): void {
    this.catalogAsked = true;
    this.outbox.push({ kind: 'NeedCatalog', database: this.#database, fresh: true, ...this.catalogWatch.asks() });
  }

  /**
   * A name that the catalog lacks may have been made by somebody else since it was read: it is asked for once more, once for a text. True
   * when the command must wait for it.
   */
  asksForMissingName(text: string, { reading }: NumberedReading): boolean {
    if (this.#missedIn === text || this.status !== IDLE || this.cycleOpen || this.queue.length > 0) return false;
    if (!reading.command.incomplete.some(({ kind }) => CATALOG_GAPS.has(kind))) return false;
    this.#missedIn = text;
    this.catalogAsked = true;
    const known = this.catalogWatch.asks();
    this.outbox.push({ kind: 'NeedCatalog', database: this.#database, fresh: false, recent: true, ...known });
    return true;
  }

  /** One side does not keep to the protocol: nothing more can be understood. */
  breach(code: CloseCode, message: string): void {
    this.end(code, message, writeError('FATAL', '08P01', message));
  }

  /** The end: what runs is lost, the agent gets `farewell`, both sides close. */
  end(code: CloseCode, reason: string, farewell: Uint8Array | undefined, toTarget?: Step): void {
    if (this.over) return;
    this.over = true;
    this.catalogWatch.over();
    this.reportFinished();
    if (farewell !== undefined) this.outbox.push({ kind: 'ToAgent', bytes: farewell });
    for (const { id } of this.running) this.drop(id, 'Lost', '', reason);
    this.running.clear();
    if (this.waiting !== undefined) this.drop(this.waiting.commandId, 'Lost', '', reason);
    this.waiting = undefined;
    if (toTarget !== undefined) this.outbox.push(toTarget);
    this.outbox.push({ kind: 'Close', code, reason });
  }

  #encoding(name: string, value: string): void {
    if (name !== 'client_encoding') return;
    this.utf8 = value === 'UTF8';
    this.treacherous = TREACHEROUS.has(value);
  }
}
