import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { GUARD_POLICIES } from '../../../operator/src/injection/guard-policies.ts';
import { BYPASSES } from '../cases/bypass.ts';
import { document } from './document.ts';

const ALL = Object.values(BYPASSES).flat();

test('docs/bypass.md says what is tried', () => {
  const there = readFileSync(join(import.meta.dirname, '../../../docs/bypass.md'), 'utf8');
  expect(there).toBe(document());
});

test('every case has a name of its own and says how it can fail', () => {
  const names = ALL.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  for (const { name, attempts, without, armedWith } of ALL) {
    expect([name, attempts.length > 0]).toEqual([name, true]);
    expect([name, without === undefined]).toEqual([name, armedWith !== undefined]);
    for (const { what, armed } of attempts) expect([what, armed === undefined]).toEqual([what, without !== undefined]);
  }
});

/** What no attacker can try, because injection puts it right: shown on a bare API server, where another webhook would put it wrong. */
const PUT_RIGHT = ['sidegate-pods/settings', 'sidegate-pods/names', 'sidegate-pods/port', 'sidegate-pods/raw-sockets'];

/** What holds where egress is locked: shown on a bare API server. */
const WHILE_LOCKED = [
  'sidegate-pods/lock',
  'sidegate-pods/change-user',
  'sidegate-pods/escalation',
  'sidegate-pods/outlets',
  'sidegate-debug/change-user',
  'sidegate-debug/escalation',
];

test('every clause of the guards is tried', () => {
  const tried = ALL.map(({ refusedBy, without }) => `${refusedBy} ${without?.what ?? ''}`).join(' ');
  const clauses = GUARD_POLICIES.flatMap(({ name, clauses: all }) => all.map(({ id }) => `${name}/${id}`));
  const apart = new Set([
    ...PUT_RIGHT,
    ...WHILE_LOCKED,
    'sidegate-pods/certificates',
    'sidegate-exec/gate',
    'sidegate-debug/raw-sockets',
  ]);
  expect(clauses.filter((clause) => !apart.has(clause) && !new RegExp(`${clause}(?![\\w-])`).test(tried))).toEqual([]);
});
