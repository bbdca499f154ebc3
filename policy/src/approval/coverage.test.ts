import { describe, expect, it } from '@jest/globals';
import type { ApprovalTerms } from '@sidegate/crds';
import { holdCommand } from './approval-request.ts';
import { type ApprovalState, advanceApproval, pendingApproval } from './approval-state.ts';
import { type ApprovalUse, covers, useApproval } from './coverage.ts';

const RULE = { policy: { namespace: 'data', name: 'guard' }, rule: 'ask' };
const DAN = { user: 'dan@corp', subject: 'dan', groups: ['dba'] };

function decided(verdict: 'Approve' | 'Refuse', grant?: ApprovalTerms['grant']): ApprovalState {
  const pending = pendingApproval(
    holdCommand({
      id: 'a1',
      commandSha256: 'ab'.repeat(32),
      identity: { issuer: 'corporate', subject: 'alice' },
      session: 's1',
      rule: RULE,
      terms: { approvers: { groups: ['dba'] }, timeoutSeconds: 60, ...(grant && { grant }) },
      policyVersion: 'v1',
      createdAtMs: 1000,
    }),
  );
  const next = advanceApproval(pending, { kind: 'Vote', verdict, by: DAN, reason: '', atMs: 2000 });
  if (!next.ok) throw new Error(next.fault.message);
  return next.value;
}

const USE: ApprovalUse = {
  sha256: 'ab'.repeat(32),
  identity: { issuer: 'corporate', subject: 'alice' },
  session: 's1',
  rule: RULE,
  policyVersion: 'v1',
  atMs: 3000,
};

function answer(state: ApprovalState, use: ApprovalUse): string {
  const covered = covers(state, use);
  return covered.ok ? 'Covered' : covered.fault.code;
}

describe('an approval covers', () => {
  it.each<readonly [string, Partial<ApprovalUse>, string]>([
    ['the command that was approved', {}, 'Covered'],
    ['no other bytes', { sha256: 'ac'.repeat(32) }, 'OtherCommand'],
    ['no other subject', { identity: { issuer: 'corporate', subject: 'bob' } }, 'OtherIdentity'],
    ['no subject of another issuer', { identity: { issuer: 'partner', subject: 'alice' } }, 'OtherIdentity'],
    ['no other rule', { rule: { ...RULE, rule: 'ask-too' } }, 'OtherRule'],
    ['no rule of another policy', { rule: { ...RULE, policy: { namespace: 'agents', name: 'guard' } } }, 'OtherRule'],
    ['nothing under another policy', { policyVersion: 'v2' }, 'OtherPolicy'],
    ['another session of the same identity', { session: 's2' }, 'Covered'],
    ['until the request expires', { atMs: 60_999 }, 'Covered'],
    ['not after', { atMs: 61_000 }, 'Over'],
  ])('%s', (_, parts, expected) => {
    expect(answer(decided('Approve'), { ...USE, ...parts })).toBe(expected);
  });

  it('nothing when it was refused', () => {
    expect(answer(decided('Refuse'), USE)).toBe('NotApproved');
  });

  it.each<readonly [string, ApprovalTerms['grant'], Partial<ApprovalUse>, string]>([
    ['Session: later', { scope: 'Session' }, { atMs: 1e9 }, 'Covered'],
    ['Session: in another session', { scope: 'Session' }, { session: 's2' }, 'OtherSession'],
    ['Session: other bytes', { scope: 'Session' }, { sha256: 'ac'.repeat(32) }, 'OtherCommand'],
    ['Window: to its end', { scope: 'Window', windowSeconds: 300 }, { atMs: 301_999 }, 'Covered'],
    ['Window: after its end', { scope: 'Window', windowSeconds: 300 }, { atMs: 302_000 }, 'Over'],
    ['Window: in another session', { scope: 'Window', windowSeconds: 300 }, { session: 's2' }, 'Covered'],
    ['Window: without a length', { scope: 'Window' }, {}, 'Over'],
  ])('%s', (_, grant, parts, expected) => {
    expect(answer(decided('Approve', grant), { ...USE, ...parts })).toBe(expected);
  });

  it.each([
    ['Command', undefined, 'Used'],
    ['Session', { scope: 'Session' }, 'Covered'],
    ['Window', { scope: 'Window', windowSeconds: 300 }, 'Covered'],
  ] as const)('%s: a second time', (_, grant, expected) => {
    const used = useApproval(decided('Approve', grant), USE);
    if (!used.ok) throw new Error(used.fault.message);
    expect(answer(used.value, USE)).toBe(expected);
  });

  it('and takes no use that it does not cover', () => {
    const state = decided('Approve');
    const taken = useApproval(state, { ...USE, policyVersion: 'v2' });
    expect(taken.ok ? 'taken' : taken.fault.code).toBe('OtherPolicy');
    expect(answer(state, USE)).toBe('Covered');
  });
});
