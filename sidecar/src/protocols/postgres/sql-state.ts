import { LiteralSettings } from './literal-settings.ts';
import { defineNames, endNames, type NameChanges, NO_NAMES, type SessionNames } from './session-names.ts';
import type { MeaningSettings, OutputOrigin, SessionEffect, SqlState } from './sql-reading.ts';

interface Cursor {
  readonly outputs: readonly OutputOrigin[] | undefined;
  readonly hold: boolean;
}

/**
 * Follows what a session's statements do to the meaning of later ones: search_path, role, string syntax, cursors, transactions. What the
 * server reports itself (ParameterStatus) wins over what was worked out.
 */
export class SessionState {
  #settings: MeaningSettings;
  /** Settings to go back to when the transaction fails. */
  #atIdle: MeaningSettings;
  /** Settings to go back to when the transaction ends well (SET LOCAL). */
  #afterTransaction: MeaningSettings;
  readonly #atStart: MeaningSettings;
  #cursors: ReadonlyMap<string, Cursor> = new Map();
  #loginRole: string | undefined;
  #failed = false;
  #key = '';
  /** What gives names another meaning: asked for with each command, and seldom another. */
  #namePlace: Readonly<Record<string, string>> | undefined;
  readonly #literals: LiteralSettings;
  #names: SessionNames = NO_NAMES;

  constructor(parameters: ReadonlyMap<string, string>, searchPath: string | undefined, user: string) {
    this.#loginRole = parameters.get('session_authorization') ?? user;
    this.#literals = new LiteralSettings(parameters);
    const path = parameters.get('search_path') ?? searchPath;
    const conforming = parameters.get('standard_conforming_strings');
    this.#settings = {
      searchPath: path === undefined ? undefined : resolveSearchPath(path, this.#loginRole),
      standardConformingStrings: conforming === undefined ? undefined : conforming === 'on',
      role: this.#loginRole,
    };
    this.#atStart = this.#settings;
    this.#atIdle = this.#settings;
    this.#afterTransaction = this.#settings;
    this.#rekey();
  }

  /** Changes with every setting; part of cache keys. */
  get key(): string {
    return this.#key;
  }

  /** What gives names and literals another meaning than at the start, for people; undefined: nothing does. */
  get place(): Readonly<Record<string, string>> | undefined {
    const literals = this.#literals.changed;
    if (literals.length === 0) return this.#namePlace;
    return { ...this.#namePlace, ...Object.fromEntries(literals.map(([name, value]) => [name, value ?? NOT_KNOWN])) };
  }

  #namePlaceNow(): Readonly<Record<string, string>> | undefined {
    const { searchPath, role } = this.#settings;
    const start = this.#atStart;
    const place: Record<string, string> = {};
    if (role !== start.role) place['role'] = role ?? NOT_KNOWN;
    if (JSON.stringify(searchPath) !== JSON.stringify(start.searchPath)) {
      place['search_path'] = searchPath?.map((schema) => JSON.stringify(schema)).join(', ') ?? NOT_KNOWN;
    }
    return Object.keys(place).length === 0 ? undefined : place;
  }

  /** What a reading needs. `prepared` and open portals come from the session's registry. */
  view(prepared: SqlState['prepared'], portals: ReadonlyMap<string, readonly OutputOrigin[] | undefined>): SqlState {
    const cursors = new Map(portals);
    for (const [name, { outputs }] of this.#cursors) cursors.set(name, outputs);
    const open = this.#isUnsettled ? { unsettled: true as const } : {};
    return {
      settingsKey: this.#key,
      ...this.#settings,
      ...open,
      atStart: this.#atStart,
      prepared,
      cursors,
      names: this.#names,
    };
  }

  /** The server reports a setting. */
  reported(name: string, value: string): void {
    this.#literals.reported(name, value);
    switch (name) {
      case 'search_path':
        this.#searchPathReported(resolveSearchPath(value, this.#settings.role));
        break;
      case 'standard_conforming_strings':
        this.#change({ standardConformingStrings: value === 'on' });
        break;
      case 'session_authorization':
        this.#loginRole = value;
        this.#change({ role: value });
        break;
      default:
    }
  }

  /** What was worked out already is not changed by the report of it: only so is known how long it holds. */
  #searchPathReported(searchPath: MeaningSettings['searchPath']): void {
    if (JSON.stringify(searchPath) !== JSON.stringify(this.#settings.searchPath)) this.#change({ searchPath });
  }

  /** A statement is done. `tag`: what the server called it, which tells a COMMIT of a failed transaction from a good one. */
  applied(effect: SessionEffect, tag: string): void {
    if (effect.kind === 'Set') this.#literals.set(effect.name, effect.value);
    else this.#literals.doubt(effect.kind === 'Unknown');
    switch (effect.kind) {
      case 'Commit':
        if (tag.startsWith('ROLLBACK')) this.#rolledBack();
        else this.#committed();
        break;
      case 'Rollback':
        this.#rolledBack();
        break;
      case 'RollbackToSavepoint':
        // Which settings it takes back is only known to the server.
        if (this.#settings !== this.#atIdle) this.#forget();
        this.#failed = false;
        break;
      case 'Set':
        this.#set(effect.name, effect.value, effect.local);
        break;
      case 'Reset':
        if (effect.name === undefined) this.#change({ ...this.#atStart, role: this.#settings.role });
        else this.#reset(effect.name);
        break;
      case 'SetRole':
        this.#change({ role: effect.role ?? this.#loginRole });
        break;
      case 'DiscardAll':
        this.#change(this.#atStart);
        this.#cursors = new Map();
        break;
      case 'DeclareCursor':
        this.#cursors = new Map(this.#cursors).set(effect.name, { outputs: effect.outputs, hold: effect.hold });
        break;
      case 'CloseCursor':
        if (effect.name === undefined) this.#cursors = new Map();
        else this.forgetCursor(effect.name);
        break;
      case 'Unknown':
        this.#forget();
        break;
      default:
        // Prepared statements are the registry's affair. BEGIN begins nothing: a transaction is open already, that of the text or of another BEGIN.
        break;
    }
  }

  /** The server has no cursor of this name, or a portal in its place: the protocol closed or bound it. */
  forgetCursor(name: string): void {
    if (!this.#cursors.has(name)) return;
    const left = new Map(this.#cursors);
    left.delete(name);
    this.#cursors = left;
  }

  /** DDL made or changed what names mean; until the transaction ends, only this session's server knows it all. */
  redefined(statement: NameChanges): void {
    this.#rename(defineNames(this.#names, statement));
  }

  #rename(names: SessionNames): void {
    if (names === this.#names) return;
    this.#names = names;
    this.#rekey();
  }

  /** A statement failed: what the open transaction set will be undone. */
  failed(): void {
    this.#failed = true;
  }

  /** A statement called set_config: what that set is known once the server reports it. */
  configured(): void {
    this.#literals.doubt(true);
  }

  /** ReadyForQuery: `I` ends every transaction, also one that was never begun in so many words. */
  ready(status: number): void {
    this.#literals.ready();
    if (status !== 0x49) return;
    if (this.#failed) this.#rolledBack();
    else this.#committed();
    this.#failed = false;
  }

  #committed(): void {
    this.#endTransaction(this.#afterTransaction);
  }

  #rolledBack(): void {
    this.#endTransaction(this.#atIdle);
  }

  #endTransaction(settings: MeaningSettings): void {
    const isSame = settings === this.#settings && !this.#isUnsettled;
    this.#settings = settings;
    this.#atIdle = settings;
    this.#afterTransaction = settings;
    this.#failed = false;
    if (!isSame) this.#rekey();
    this.#dropCursors();
  }

  /** The open transaction has changed settings. */
  get #isUnsettled(): boolean {
    return this.#settings !== this.#atIdle;
  }

  #dropCursors(): void {
    this.#rename(endNames(this.#names));
    if (this.#cursors.size > 0) this.#cursors = new Map([...this.#cursors].filter(([, { hold }]) => hold));
  }

  #set(name: string, value: string | undefined, local: boolean): void {
    switch (name) {
      case 'search_path':
        // Also where the server reports it: that comes when the cycle ends, and what follows in it is read before.
        this.#change(
          { searchPath: value === undefined ? undefined : resolveSearchPath(value, this.#settings.role) },
          local,
        );
        break;
      case 'standard_conforming_strings':
        this.#change({ standardConformingStrings: value === undefined ? undefined : isOn(value) }, local);
        break;
      case 'role':
        this.#change({ role: value === undefined || value === 'none' ? this.#loginRole : value }, local);
        break;
      default:
    }
  }

  #reset(name: string): void {
    const { searchPath, standardConformingStrings } = this.#atStart;
    if (name === 'search_path') this.#change({ searchPath });
    else if (name === 'standard_conforming_strings') this.#change({ standardConformingStrings });
    else if (name === 'role') this.#change({ role: this.#loginRole });
  }

  #forget(): void {
    this.#change({ searchPath: undefined, role: undefined, standardConformingStrings: undefined });
  }

  #change(change: Partial<MeaningSettings>, local = false): void {
    const same = this.#settings === this.#afterTransaction;
    this.#settings = { ...this.#settings, ...change };
    if (!local) this.#afterTransaction = same ? this.#settings : { ...this.#afterTransaction, ...change };
    this.#rekey();
  }

  #rekey(): void {
    const { searchPath, standardConformingStrings, role } = this.#settings;
    const settings = [searchPath ?? null, standardConformingStrings ?? null, role ?? null];
    this.#key = JSON.stringify([...settings, this.#names.key, ...(this.#isUnsettled ? ['unsettled'] : [])]);
    this.#namePlace = this.#namePlaceNow();
  }
}

const NOT_KNOWN = '(not known)';

function isOn(value: string): boolean {
  return ['on', 'true', 'yes', '1', 't', 'y'].includes(value.toLowerCase());
}

/** The value of search_path as a list of schemas: names are separated by commas, quoted ones keep their case. */
export function resolveSearchPath(value: string, role: string | undefined): readonly string[] | undefined {
  const schemas: string[] = [];
  let at = 0;
  const skipSpace = (): void => {
    while (/\s/u.test(value.charAt(at))) at++;
  };
  skipSpace();
  if (at === value.length) return schemas;
  for (;;) {
    let name = '';
    if (value[at] === '"') {
      at++;
      for (;;) {
        const end = value.indexOf('"', at);
        if (end < 0) return undefined;
        name += value.slice(at, end);
        at = end + 1;
        if (value[at] !== '"') break;
        name += '"';
        at++;
      }
    } else {
      const end = value.slice(at).search(/[\s,]/u);
      name = (end < 0 ? value.slice(at) : value.slice(at, at + end)).toLowerCase();
      at += name.length;
    }
    if (name === '$user') {
      if (role === undefined) return undefined;
      schemas.push(role);
    } else schemas.push(name);
    skipSpace();
    if (at === value.length) return schemas;
    if (value[at] !== ',') return undefined;
    at++;
    skipSpace();
  }
}
