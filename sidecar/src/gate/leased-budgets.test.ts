import { beforeEach, expect, test } from '@jest/globals';
import type { Amounts, LimitRule, SpendingReport } from '@sidegate/policy';
import type { AskingSession } from './approval-question.ts';
import type { SessionBudget } from './budget-book.ts';
import { accountKey, LeasedBudgets } from './leased-budgets.ts';

const policy = { namespace: 'data', name: 'p' };
const READING: LimitRule = {
  by: { policy, rule: 'reading' },
  name: 'reading',
  rows: 80,
  perSeconds: 60,
  action: 'RequireApproval',
  approval: { approvers: { groups: ['dba'] } },
};
const PACE: LimitRule = { by: { policy, rule: 'pace' }, name: 'pace', commands: 8, perSeconds: 60, action: 'Deny' };
const NOTHING = { rows: 0, bytes: 0, commands: 0 };

let nowMs = 0;
let late = (): void => {};
let budgets: LeasedBudgets;
let said: { readonly key: string; readonly report: SpendingReport }[];

beforeEach(() => {
  nowMs = 10_000;
  said = [];
  budgets = new LeasedBudgets({
    monotonicMs: () => nowMs,
    pause: () =>
      new Promise((resolve) => {
        late = resolve;
      }),
    epoch: 'e',
  });
});

function connect(): void {
  budgets.streamBegan((account, report) => said.push({ key: accountKey(account), report }));
}

function session(sessionId: string, subject = 'bot'): AskingSession {
  return {
    sessionId,
    door: { target: { namespace: 'data', name: 'db' }, access: { namespace: 'agents', name: 'bots' } },
    identity: { verified: { source: 'Token', issuer: 'i', subject, groups: [], expiresAtMs: 1 }, claimed: {} },
    details: {},
  };
}

function open(sessionId: string, limits: readonly LimitRule[] = [READING], subject = 'bot'): SessionBudget {
  const budget = budgets.open(session(sessionId, subject), limits);
  if (budget === undefined) throw new Error('nothing is limited');
  return budget;
}

function grant(number: number, more: Amounts, at = 0): void {
  budgets.granted(said[at]?.key ?? '', number, { ...NOTHING, ...more });
}

const over = (budget: SessionBudget, amounts: Amounts): string => {
  const outcome = budget.charge(0, amounts);
  return outcome.kind === 'Within' ? 'within' : `${outcome.limit.name} ${outcome.amount}`;
};

test('nothing is used that was not given, and all that was is', () => {
  connect();
  const budget = open('s');
  expect(over(budget, { rows: 1 })).toBe('reading rows');
  grant(1, { rows: 40 });
  expect([over(budget, { rows: 40 }), over(budget, { rows: 1 })]).toEqual(['within', 'reading rows']);
  expect(over(budget, { bytes: 1_000 })).toBe('within');
});

test('sessions of one agent share it, and another agent has none of it', () => {
  connect();
  const [one, other, stranger] = [open('s1'), open('s2'), open('s3', [READING], 'other')];
  over(one, { rows: 1 });
  grant(1, { rows: 3 });
  expect([over(one, { rows: 2 }), over(other, { rows: 2 }), over(other, { rows: 1 })]).toEqual([
    'within',
    'reading rows',
    'within',
  ]);
  expect(over(stranger, { rows: 1 })).toBe('reading rows');
});

test('a limit that denies speaks before one that asks', () => {
  connect();
  expect(over(open('s', [READING, PACE]), { rows: 1, commands: 1 })).toBe('pace commands');
});

test('a grant that comes twice counts once, and a new stream counts anew', () => {
  connect();
  const budget = open('s');
  over(budget, { rows: 1 });
  grant(1, { rows: 2 });
  grant(1, { rows: 2 });
  expect([over(budget, { rows: 2 }), over(budget, { rows: 1 })]).toEqual(['within', 'reading rows']);
  budgets.streamEnded();
  connect();
  expect(said.at(-1)?.report).toMatchObject({ seen: 0, used: { rows: 2 }, allowed: { rows: 2 }, wants: true });
  grant(1, { rows: 1 });
  expect(over(budget, { rows: 1 })).toBe('within');
});

test('a session that opens waits for its first share, and no longer than it takes', async () => {
  connect();
  const { door, identity } = session('s');
  const opening = budgets.prepare(door, identity, [READING]);
  expect(said).toMatchObject([{ report: { wants: true } }]);
  grant(1, { rows: 1 });
  await opening;
  expect(over(open('s'), { rows: 1 })).toBe('within');
});

test('it opens also when nothing is to be had', async () => {
  connect();
  const { door, identity } = session('s');
  const opening = budgets.prepare(door, identity, [READING]);
  late();
  await opening;
  expect(over(open('s'), { rows: 1 })).toBe('reading rows');
});

test('without a stream nobody waits: what was given is used, then the limit acts', async () => {
  connect();
  const budget = open('s');
  over(budget, { rows: 1 });
  grant(1, { rows: 2 });
  budgets.streamEnded();
  const { door, identity } = session('s2');
  await budgets.prepare(door, identity, [READING, PACE]);
  expect([over(budget, { rows: 2 }), over(budget, { rows: 1 })]).toEqual(['within', 'reading rows']);
});

test('more is asked for when little is left, again and again but not at once', () => {
  connect();
  const budget = open('s');
  over(budget, { rows: 1 });
  over(budget, { rows: 1 });
  expect(said).toHaveLength(1);
  nowMs += 1_000;
  over(budget, { rows: 1 });
  expect(said).toHaveLength(2);
  grant(1, { rows: 80 });
  nowMs += 5_000;
  budgets.tick();
  expect(said).toHaveLength(2);
  over(budget, { rows: 75 });
  budgets.tick();
  expect(said).toHaveLength(3);
});

test('half of what is left goes back when it is asked for, and all of it when no session is open', () => {
  connect();
  const budget = open('s');
  over(budget, { rows: 1 });
  grant(1, { rows: 80 });
  over(budget, { rows: 20 });
  budgets.recalled(said[0]?.key ?? '');
  expect(said.at(-1)?.report).toMatchObject({
    seen: 1,
    used: { rows: 20 },
    allowed: { rows: 50 },
    wants: false,
    ends: false,
  });
  budgets.sessionEnded('s');
  nowMs += 5_000;
  budgets.tick();
  expect(said.at(-1)?.report).toMatchObject({ used: { rows: 20 }, allowed: { rows: 20 }, wants: false, ends: true });
  const again = open('s2');
  nowMs += 5_000;
  over(again, { rows: 1 });
  expect(said.at(-1)?.report).toMatchObject({ epoch: 'e-2', used: NOTHING, allowed: NOTHING });
});

test('what nobody limits has no budget', () => {
  expect(budgets.open(session('s'), [])).toBeUndefined();
});
