import { describe, expect, test } from '@jest/globals';
import type { SessionEffect } from './sql-reading.ts';
import { resolveSearchPath, SessionState } from './sql-state.ts';

const IDLE = 0x49;
const IN_TRANSACTION = 0x54;
const set = (value: string | undefined, local = false): SessionEffect => ({
  kind: 'Set',
  name: 'search_path',
  value,
  local,
});

type Event =
  | SessionEffect
  | { readonly ready: number }
  | { readonly failed: true }
  | { readonly tag: string; readonly of: SessionEffect };

function pathAfter(...events: readonly Event[]): readonly string[] | undefined {
  const state = new SessionState(new Map([['standard_conforming_strings', 'on']]), '"$user", public', 'ann');
  for (const event of events) {
    if ('ready' in event) state.ready(event.ready);
    else if ('failed' in event) state.failed();
    else if ('tag' in event) state.applied(event.of, event.tag);
    else state.applied(event, '');
  }
  return state.view(new Map(), new Map()).searchPath;
}

const first = ['ann', 'public'];
const begin: Event = { kind: 'Begin' };
const commit: Event = { tag: 'COMMIT', of: { kind: 'Commit' } };
const idle: Event = { ready: IDLE };

describe('search_path', () => {
  test.each<[string, readonly Event[], readonly string[] | undefined]>([
    ['at the start', [], first],
    ['SET holds', [set('app'), idle], ['app']],
    ['SET of an unknown value is unknown', [set(undefined), idle], undefined],
    ['RESET goes back', [set('app'), idle, { kind: 'Reset', name: 'search_path' }, idle], first],
    ['RESET ALL goes back', [set('app'), idle, { kind: 'Reset', name: undefined }, idle], first],
    ['SET of another setting changes nothing', [{ kind: 'Set', name: 'jit', value: 'off', local: false }, idle], first],
    ['SET LOCAL holds inside', [begin, set('app', true)], ['app']],
    ['SET LOCAL ends with the transaction', [begin, set('app', true), commit, idle], first],
    ['SET LOCAL outside of one holds for its own query', [set('app', true), idle], first],
    ['SET in a transaction that commits holds', [begin, set('app'), commit, idle], ['app']],
    ['SET and SET LOCAL in one', [begin, set('app'), set('tmp', true), commit, idle], ['app']],
    ['SET in a transaction that is rolled back', [begin, set('app'), { kind: 'Rollback' }, idle], first],
    [
      'COMMIT of a failed transaction rolls back',
      [begin, set('app'), { failed: true }, { tag: 'ROLLBACK', of: { kind: 'Commit' } }, idle],
      first,
    ],
    ['BEGIN in a transaction begins none', [begin, set('app'), begin, { kind: 'Rollback' }, idle], first],
    ['so it is with SET LOCAL', [begin, set('app', true), begin, commit, idle], first],
    [
      'what a text sets before its BEGIN belongs to the transaction',
      [set('app'), begin, { ready: IN_TRANSACTION }, { kind: 'Rollback' }, idle],
      first,
    ],
    ['SET in a query of many statements that fails', [set('app'), { failed: true }, idle], first],
    [
      'a failure inside a transaction waits for its end',
      [begin, set('app'), { failed: true }, { ready: 0x45 }],
      ['app'],
    ],
    ['ROLLBACK TO takes back nobody knows what', [begin, set('app'), { kind: 'RollbackToSavepoint' }], undefined],
    ['ROLLBACK TO with nothing set', [begin, { kind: 'RollbackToSavepoint' }], first],
    [
      'after ROLLBACK TO the transaction may commit',
      [begin, { failed: true }, { kind: 'RollbackToSavepoint' }, set('app'), commit, idle],
      ['app'],
    ],
    ['something unknown', [{ kind: 'Unknown' }, idle], undefined],
    ['DISCARD ALL', [set('app'), idle, { kind: 'DiscardAll' }, idle], first],
    ['a transaction goes on', [begin, set('app'), { ready: IN_TRANSACTION }], ['app']],
  ])('%s', (_, events, path) => {
    expect(pathAfter(...events)).toEqual(path);
  });

  test.each<[string, readonly string[] | undefined]>([
    ['', []],
    ['public', ['public']],
    ['"$user", public', ['ann', 'public']],
    ['$user', ['ann']],
    [' App ,"My ""own"" Schema" ', ['app', 'My "own" Schema']],
    ['a,,b', ['a', '', 'b']],
    ['"open', undefined],
    ['"a" b', undefined],
  ])('the value %j', (value, schemas) => {
    expect(resolveSearchPath(value, 'ann')).toEqual(schemas);
  });

  test('what the server reports wins over what was worked out', () => {
    const state = new SessionState(new Map([['search_path', 'public']]), undefined, 'ann');
    state.applied(set('app'), 'SET');
    // The report comes at the end of the cycle: until then what was worked out holds.
    expect(state.view(new Map(), new Map()).searchPath).toEqual(['app']);
    state.reported('search_path', 'app, public');
    expect(state.view(new Map(), new Map()).searchPath).toEqual(['app', 'public']);
  });

  test('a report of what SET LOCAL set does not make it outlive the transaction', () => {
    const state = new SessionState(new Map([['search_path', 'public']]), undefined, 'ann');
    state.applied({ kind: 'Begin' }, 'BEGIN');
    state.applied({ kind: 'Set', name: 'search_path', value: 'app', local: true }, 'SET');
    state.reported('search_path', 'app');
    state.applied({ kind: 'Commit' }, 'COMMIT');
    expect(state.view(new Map(), new Map()).searchPath).toEqual(['public']);
  });

  test('the key changes with the settings and only with them', () => {
    const state = new SessionState(new Map(), 'public', 'ann');
    const { key } = state;
    state.applied({ kind: 'DeclareCursor', name: 'c', hold: false, outputs: [] }, '');
    expect(state.key).toBe(key);
    state.applied({ kind: 'SetRole', role: 'bob' }, '');
    expect(state.key).not.toBe(key);
    state.applied({ kind: 'SetRole', role: undefined }, '');
    state.ready(IDLE);
    expect(state.key).toBe(key);
  });
});

test('cursors end with the transaction, apart from those WITH HOLD', () => {
  const state = new SessionState(new Map(), 'public', 'ann');
  const cursors = (): readonly string[] => [...state.view(new Map(), new Map()).cursors.keys()];
  state.applied({ kind: 'Begin' }, '');
  for (const [name, hold] of [
    ['a', false],
    ['b', true],
    ['c', true],
  ] as const)
    state.applied({ kind: 'DeclareCursor', name, hold, outputs: undefined }, '');
  state.applied({ kind: 'CloseCursor', name: 'c' }, '');
  expect(cursors()).toEqual(['a', 'b']);
  state.applied({ kind: 'Commit' }, 'COMMIT');
  state.ready(IDLE);
  expect(cursors()).toEqual(['b']);
  state.applied({ kind: 'CloseCursor', name: undefined }, '');
  expect(cursors()).toEqual([]);
});

test('a cursor is gone when a portal has its name', () => {
  const state = new SessionState(new Map(), 'public', 'ann');
  state.applied({ kind: 'DeclareCursor', name: 'c', hold: true, outputs: [] }, '');
  state.forgetCursor('d');
  expect([...state.view(new Map(), new Map()).cursors.keys()]).toEqual(['c']);
  state.forgetCursor('c');
  expect([...state.view(new Map(), new Map()).cursors.keys()]).toEqual([]);
});

test('whether the transaction changed settings is told, and is part of the key', () => {
  const state = new SessionState(new Map(), 'public', 'ann');
  const { key } = state;
  const isOpen = (): boolean => state.view(new Map(), new Map()).unsettled === true;
  const seen = [isOpen()];
  for (const event of [{ kind: 'Begin' }, set('app', true), { kind: 'Commit' }] as const) {
    state.applied(event, 'COMMIT');
    seen.push(isOpen());
  }
  expect(seen).toEqual([false, false, true, false]);
  expect(state.key).toBe(key);
  state.applied(set('public'), 'SET');
  expect(state.key).not.toBe(key);
});

test('where a statement means something else than at the start is told, as long as it is so', () => {
  const state = new SessionState(new Map(), '"$user", public', 'ann');
  const places = [state.place];
  for (const effect of [
    set('app, "B"'),
    { kind: 'SetRole', role: 'bob' },
    { kind: 'Unknown' },
    { kind: 'DiscardAll' },
  ] as const) {
    state.applied(effect, '');
    state.ready(IDLE);
    places.push(state.place);
  }
  expect(places).toEqual([
    undefined,
    { search_path: '"app", "B"' },
    { search_path: '"app", "B"', role: 'bob' },
    { search_path: '(not known)', role: '(not known)' },
    undefined,
  ]);
});
