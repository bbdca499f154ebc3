import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LimitRule } from '@sidegate/policy';
import { openBudgetFile } from '../config/budget-file.ts';
import type { AskingSession } from './approval-question.ts';
import type { SessionBudget } from './budget-book.ts';
import { Budgets } from './budgets.ts';

const READING: LimitRule = {
  by: { policy: { namespace: 'data', name: 'p' }, rule: 'reading' },
  name: 'reading',
  rows: 1_000,
  perSeconds: 60,
  action: 'Deny',
};
const SESSION: AskingSession = {
  sessionId: 's',
  door: { target: { namespace: 'data', name: 'db' }, access: { namespace: 'agents', name: 'bots' } },
  identity: { verified: { source: 'Token', issuer: 'i', subject: 'bot', groups: [], expiresAtMs: 1 }, claimed: {} },
  details: {},
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sg-budgets-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A gate that starts, with what the one before it left. */
function start(nowMs: number, keep = true): SessionBudget {
  return startGate(nowMs, keep).budget;
}

function startGate(nowMs: number, keep = true): { readonly budgets: Budgets; readonly budget: SessionBudget } {
  const store = openBudgetFile(folder);
  if (!store.ok) throw new Error(store.fault.message);
  const budgets = keep ? new Budgets({ store: store.value, nowMs }) : new Budgets();
  const budget = budgets.open(SESSION, [READING]);
  if (budget === undefined) throw new Error('nothing is limited');
  return { budgets, budget };
}

/** How many rows are left, taken one by one. */
function left(budget: SessionBudget, atMs: number): number {
  let rows = 0;
  while (budget.charge(atMs, { rows: 1 }).kind === 'Within') rows += 1;
  return rows;
}

test('a gate that starts anew goes on counting, and never gives more than is left', () => {
  const first = start(1_000);
  expect(first.charge(1_000, { rows: 700 }).kind).toBe('Within');
  // One part of fifty may have been spent without a word, and counts as spent.
  expect(left(start(2_000), 2_000)).toBe(280);
});

test('without a file it starts from nothing', () => {
  start(1_000, false).charge(1_000, { rows: 700 });
  expect(left(start(2_000, false), 2_000)).toBe(1_000);
});

test('what was spent comes back when its window is over, also over a start', () => {
  const { budgets, budget } = startGate(1_000);
  budget.charge(1_000, { rows: 700 });
  budgets.tick(11_000);
  // What may have been spent without a word counts from the start on.
  expect(left(start(63_000), 63_000)).toBe(980);
});

test('however often it starts anew, no more is spent than the limit', () => {
  let rows = 0;
  for (let at = 0; at < 100; at += 1) {
    const budget = start(1_000 + at);
    for (let one = 0; one < 15; one += 1) rows += budget.charge(1_000 + at, { rows: 1 }).kind === 'Within' ? 1 : 0;
  }
  expect(rows).toBeGreaterThan(0);
  expect(rows).toBeLessThanOrEqual(1_000);
});

test('what cannot be kept is not spent', () => {
  const budget = start(1_000);
  expect(budget.charge(1_000, { rows: 1 }).kind).toBe('Within');
  rmSync(folder, { recursive: true });
  expect(budget.charge(1_000, { rows: 500 }).kind).toBe('Exceeded');
});

test('it is written some fifty times in a window, not for every row', () => {
  const budget = start(1_000);
  let writes = 0;
  let before = '';
  for (let row = 0; row < 1_000; row += 1) {
    budget.charge(1_000, { rows: 1 });
    const now = readFileSync(join(folder, 'budgets.json'), 'utf8');
    if (now !== before) writes += 1;
    before = now;
  }
  expect(writes).toBeLessThanOrEqual(51);
});

test('a file that cannot be read is a fault', () => {
  writeFileSync(join(folder, 'budgets.json'), '[[');
  expect(openBudgetFile(folder)).toMatchObject({ ok: false, fault: { code: 'BudgetsUnreadable' } });
});
