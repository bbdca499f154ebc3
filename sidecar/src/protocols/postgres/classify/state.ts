import { assertNever } from '@sidegate/crds';
import type { Catalog } from '../catalog.ts';
import { defineNames, type NameChanges, NO_NAMES } from '../session-names.ts';
import type { MeaningSettings, SessionEffect, SqlState } from '../sql-reading.ts';

/** The state of a fresh session that has said nothing yet. */
export function openSqlState(catalog: Catalog): SqlState {
  const { user, searchPath, standardConformingStrings } = catalog.defaults;
  return rekey({
    settingsKey: '',
    searchPath: readSearchPath(searchPath, user),
    standardConformingStrings,
    role: user,
    prepared: new Map(),
    cursors: new Map(),
  });
}

function rekey(state: SqlState): SqlState {
  const { searchPath, standardConformingStrings, role, clientEncoding, names } = state;
  const parts = [searchPath, standardConformingStrings, role, clientEncoding, names?.key];
  return { ...state, settingsKey: JSON.stringify(parts.map((part) => part ?? null)) };
}

/** The schemas of a search path as the setting has it: `"$user", public`. */
export function readSearchPath(text: string, role: string | undefined): readonly string[] | undefined {
  const schemas: string[] = [];
  for (const [, quoted, bare] of text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,"\s][^,"]*))\s*(?:,|$)/g)) {
    const name = quoted === undefined ? (bare ?? '').trim().toLowerCase() : quoted.replaceAll('""', '"');
    if (name === '$user') {
      if (role === undefined) return undefined;
      schemas.push(role);
    } else if (name !== '') schemas.push(name);
  }
  return schemas;
}

/** What the next statement of the same text meets. Pure; what only the server can know becomes unknown. */
export function afterEffect(state: SqlState, effect: SessionEffect, catalog: Catalog): SqlState {
  switch (effect.kind) {
    case 'Set':
      return rekey({ ...state, ...settingOf(effect.name, effect.value, state.role) });
    case 'Reset': {
      const fresh = atStart(state, catalog);
      const all = effect.name === undefined;
      return rekey({
        ...state,
        searchPath: all || effect.name === 'search_path' ? fresh.searchPath : state.searchPath,
        standardConformingStrings:
          all || effect.name === 'standard_conforming_strings'
            ? fresh.standardConformingStrings
            : state.standardConformingStrings,
        role: effect.name === 'role' || effect.name === 'session_authorization' ? fresh.role : state.role,
      });
    }
    case 'SetRole':
      return rekey({ ...state, role: effect.role ?? catalog.defaults.user });
    case 'DiscardAll':
      return rekey({ ...openSqlState(catalog), ...atStart(state, catalog) });
    case 'Commit':
      return state.unsettled === true ? unknown(state) : state;
    case 'Rollback':
    case 'RollbackToSavepoint':
    case 'Unknown':
      return unknown(state);
    case 'Prepare':
      return { ...state, prepared: new Map(state.prepared).set(effect.name, effect.reading) };
    case 'Deallocate':
      return { ...state, prepared: without(state.prepared, effect.name) };
    case 'DeclareCursor':
      return { ...state, cursors: new Map(state.cursors).set(effect.name, effect.outputs) };
    case 'CloseCursor':
      return { ...state, cursors: without(state.cursors, effect.name) };
    case 'Begin':
      return state;
    default:
      return assertNever(effect);
  }
}

/** What was set before and is taken back now, or may be, is not known here. */
function unknown(state: SqlState): SqlState {
  return rekey({ ...state, searchPath: undefined, standardConformingStrings: undefined, role: undefined });
}

/** What RESET goes back to: what this session began with. */
function atStart(state: SqlState, catalog: Catalog): MeaningSettings {
  const { searchPath, standardConformingStrings, role } = state.atStart ?? openSqlState(catalog);
  return { searchPath, standardConformingStrings, role };
}

/** Names that DDL made or changed mean that for what follows in the same text. */
export function afterChanges(state: SqlState, changes: NameChanges): SqlState {
  const before = state.names ?? NO_NAMES;
  const names = defineNames(before, changes);
  return names === before ? state : rekey({ ...state, names });
}

function without<V>(map: ReadonlyMap<string, V>, name: string | undefined): ReadonlyMap<string, V> {
  if (name === undefined) return new Map();
  const rest = new Map(map);
  rest.delete(name);
  return rest;
}

function settingOf(name: string, value: string | undefined, role: string | undefined): Partial<SqlState> {
  switch (name) {
    case 'search_path':
      return { searchPath: value === undefined ? undefined : readSearchPath(value, role) };
    case 'standard_conforming_strings':
      return { standardConformingStrings: readSwitch(value) };
    case 'client_encoding':
      return { clientEncoding: (value ?? 'UNKNOWN').toUpperCase().replace(/[^A-Z0-9]/g, '') };
    case 'role':
    case 'session_authorization':
      return { role: value };
    default:
      return {};
  }
}

/** A boolean setting as the server reads it: any beginning of a word that is not ambiguous. */
function readSwitch(value: string | undefined): boolean | undefined {
  const text = value?.trim().toLowerCase() ?? '';
  if (text === '') return undefined;
  if (text === 'on' || text === '1' || 'true'.startsWith(text) || 'yes'.startsWith(text)) return true;
  if (text === 'off' || text === 'of' || text === '0' || 'false'.startsWith(text) || 'no'.startsWith(text))
    return false;
  return undefined;
}
