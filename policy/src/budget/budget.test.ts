import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Budget, type ChargeOutcome } from './budget.ts';
import { Ledger } from './ledger.ts';
import type { LimitRule } from './limit-rule.ts';

function limit(name: string, parts: Partial<LimitRule>): LimitRule {
  const by = { policy: { namespace: 'data', name: 'guard' }, rule: name };
  return { by, name, perSeconds: 60, action: 'Deny', ...parts };
}

function said(outcome: ChargeOutcome): string {
  if (outcome.kind === 'Within') return 'Within';
  return `${outcome.limit.name} ${outcome.amount} retry ${outcome.retryAtMs}`;
}

describe('a budget', () => {
  it.each([
    ['one below its limit', { rows: 9 }, 'Within'],
    ['its limit', { rows: 10 }, 'Within'],
    ['one above', { rows: 11 }, 'l rows retry undefined'],
    ['what it does not limit', { bytes: 1e12, commands: 1e6 }, 'Within'],
  ])('charged with %s', (_, amounts, expected) => {
    expect(said(new Budget([limit('l', { rows: 10 })]).charge(0, amounts))).toBe(expected);
  });

  it('charges nothing when something is over', () => {
    const budget = new Budget([limit('few', { rows: 10 }), limit('many', { rows: 100, bytes: 50 })]);
    expect(said(budget.charge(0, { rows: 5, bytes: 51 }))).toBe('many bytes retry undefined');
    expect(budget.remaining(0).map(({ rows, bytes }) => [rows, bytes])).toEqual([
      [10, undefined],
      [100, 50],
    ]);
  });

  it('gives back what was spent once the window has passed, at most a sixtieth of it late', () => {
    const budget = new Budget([limit('l', { commands: 2 })]);
    expect(said(budget.charge(1500, { commands: 1 }))).toBe('Within');
    expect(said(budget.charge(30_000, { commands: 1 }))).toBe('Within');
    expect(said(budget.charge(61_500, { commands: 1 }))).toBe('l commands retry 62000');
    expect(said(budget.charge(61_999, { commands: 1 }))).toBe('l commands retry 62000');
    expect(said(budget.charge(62_000, { commands: 1 }))).toBe('Within');
    expect(said(budget.charge(62_000, { commands: 1 }))).toBe('l commands retry 91000');
  });

  it('tells the limit that lasts longest, and a denial before an approval', () => {
    const hold = limit('hold', { commands: 1, perSeconds: 3600, action: 'RequireApproval' });
    const short = limit('short', { commands: 1 });
    const long = limit('long', { commands: 1, perSeconds: 600 });
    const names = [[hold, short], [short, long], [long, short, hold], [hold]].map((limits) => {
      const budget = new Budget(limits);
      budget.spend(0, { commands: 1 });
      return said(budget.charge(1, { commands: 1 })).split(' ')[0];
    });
    expect(names).toEqual(['short', 'long', 'long', 'hold']);
  });

  it('goes on counting when the rules change', () => {
    const ledger = new Ledger();
    const before = new Budget([limit('l', { rows: 10 }), limit('gone', { rows: 5 })], ledger);
    before.charge(0, { rows: 4 });
    const after = new Budget([limit('l', { rows: 6, perSeconds: 120 }), limit('new', { rows: 5 })], ledger);
    expect(after.remaining(1).map(({ limit: of, rows }) => `${of.name} ${rows}`)).toEqual(['l 2', 'new 5']);
    expect(after.remaining(121_999)[0]?.rows).toBe(2);
    expect(after.remaining(122_000)[0]?.rows).toBe(6);
  });

  it('counts together with another budget of the same agent, limit by limit', () => {
    const ledger = new Ledger();
    const one = new Budget([limit('both', { rows: 10 }), limit('one', { rows: 10 })], ledger);
    const other = new Budget([limit('both', { rows: 10 }), limit('other', { rows: 10 })], ledger);
    const apart = new Budget([limit('both', { rows: 10 })]);
    one.charge(0, { rows: 7 });
    expect(said(other.charge(0, { rows: 4 }))).toMatch(/^both rows/);
    expect(said(other.charge(0, { rows: 3 }))).toBe('Within');
    expect(other.remaining(0).map(({ rows }) => rows)).toEqual([0, 7]);
    expect(said(apart.charge(0, { rows: 10 }))).toBe('Within');
  });

  it('asks without charging', () => {
    const budget = new Budget([limit('l', { rows: 10 })]);
    expect(said(budget.ask(0, { rows: 10 }))).toBe('Within');
    expect(said(budget.charge(0, { rows: 10 }))).toBe('Within');
    expect(said(budget.ask(0, { rows: 1 }))).toMatch(/^l rows/);
  });

  it('forgets what was spent long ago, and nothing sooner', () => {
    const ledger = new Ledger();
    new Budget([limit('l', { rows: 10 })], ledger).spend(0, { rows: 1 });
    expect(ledger.forgetUnspent(60_999)).toBe(false);
    expect(ledger.forgetUnspent(61_000)).toBe(true);
  });

  it('renews one limit and leaves the others', () => {
    const budget = new Budget([limit('a', { rows: 10 }), limit('b', { rows: 10 })]);
    budget.spend(0, { rows: 12 });
    budget.renew(limit('a', {}).by);
    expect(budget.remaining(0).map(({ rows }) => rows)).toEqual([10, 0]);
  });

  it('never gains by a clock that runs backwards', () => {
    const budget = new Budget([limit('l', { rows: 10 })]);
    budget.charge(100_000, { rows: 10 });
    expect(said(budget.charge(0, { rows: 1 }))).toBe('l rows retry 161000');
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('takes %p for a bug', (rows) => {
    expect(() => new Budget([]).charge(0, { rows })).toThrow(RangeError);
  });

  it('never lets more through in any window than the limit says', () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(20_000), rows: fc.nat(7) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), (of, most) => {
        const ledger = new Ledger();
        const budget = new Budget([limit('l', { rows: most, perSeconds: 30 })], ledger);
        const passed: { atMs: number; rows: number }[] = [];
        let atMs = 0;
        for (const { waitMs, rows } of of) {
          atMs += waitMs;
          const outcome = budget.charge(atMs, { rows });
          if (outcome.kind === 'Within') passed.push({ atMs, rows });
          else if (outcome.retryAtMs !== undefined) {
            // What it promises holds: then, and not a millisecond earlier.
            const copy = new Budget([limit('l', { rows: most, perSeconds: 30 })], new Ledger(ledger));
            expect(copy.charge(outcome.retryAtMs - 1, { rows }).kind).toBe('Exceeded');
            expect(copy.charge(outcome.retryAtMs, { rows }).kind).toBe('Within');
          }
        }
        for (const { atMs: endMs } of passed) {
          const inWindow = passed.filter((other) => other.atMs <= endMs && other.atMs > endMs - 30_000);
          expect(inWindow.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(most);
        }
      }),
      { seed: 20261123, numRuns: 300 },
    );
  });
});
