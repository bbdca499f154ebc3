import { describe, expect, it } from '@jest/globals';
import type { ApprovalTerms } from '@sidegate/crds';
import fc from 'fast-check';
import { type HeldCommand, holdCommand } from './approval-request.ts';
import {
  APPROVAL_REASON_LENGTH_MAX,
  type ApprovalEvent,
  type ApprovalState,
  type Approver,
  advanceApproval,
  pendingApproval,
} from './approval-state.ts';

function held(terms: Partial<ApprovalTerms> = {}): HeldCommand {
  return holdCommand({
    id: 'a1',
    commandSha256: 'ab'.repeat(32),
    identity: { issuer: 'corporate', subject: 'alice' },
    session: 's1',
    rule: { policy: { namespace: 'data', name: 'guard' }, rule: 'ask' },
    terms: { approvers: { groups: ['dba'], subjects: ['carol'] }, timeoutSeconds: 60, ...terms },
    policyVersion: 'v1',
    createdAtMs: 1000,
  });
}

const PEOPLE = {
  dan: { user: 'dan@corp', subject: 'dan', groups: ['dba'] },
  eve: { user: 'eve@corp', subject: 'eve', groups: ['dba', 'x'] },
  carol: { user: 'carol@corp', subject: 'carol', groups: [] },
  alice: { user: 'alice@corp', subject: 'alice', groups: ['dba'] },
  alias: { user: 'alice', subject: undefined, groups: ['dba'] },
  dansOther: { user: 'dan-admin', subject: 'dan', groups: ['dba'] },
  stranger: { user: 'zoe@corp', subject: 'zoe', groups: ['sales'] },
  unmapped: { user: 'root', subject: undefined, groups: ['dba'] },
  named: { user: 'carol', subject: undefined, groups: [] },
} satisfies Record<string, Approver>;
type Person = keyof typeof PEOPLE;

function approve(who: Person, atMs = 2000): ApprovalEvent {
  return { kind: 'Vote', verdict: 'Approve', by: PEOPLE[who], reason: 'fine', atMs };
}

function refuse(who: Person, atMs = 2000): ApprovalEvent {
  return { kind: 'Vote', verdict: 'Refuse', by: PEOPLE[who], reason: 'no', atMs };
}

const tick = (atMs: number): ApprovalEvent => ({ kind: 'Tick', atMs });
const cancel: ApprovalEvent = { kind: 'Cancel', reason: 'The session ended.', atMs: 2000 };
const change = (version: string): ApprovalEvent => ({ kind: 'PolicyChanged', version, atMs: 2000 });

/** Each event's outcome in turn: the state, or the code of the fault. */
function story(request: HeldCommand, events: readonly ApprovalEvent[]): string {
  let state = pendingApproval(request);
  return events
    .map((event) => {
      const next = advanceApproval(state, event);
      if (!next.ok) return `!${next.fault.code}`;
      state = next.value;
      return state.kind;
    })
    .join(' ');
}

describe('an approval', () => {
  it.each<readonly [string, Partial<ApprovalTerms>, readonly ApprovalEvent[], string]>([
    ['by group', {}, [approve('dan')], 'Approved'],
    ['by subject', {}, [approve('carol')], 'Approved'],
    ['by a user whom the rule names', {}, [approve('named')], 'Approved'],
    ['by somebody else', {}, [approve('stranger')], '!NotApprover'],
    ['by a user that nobody can tell from who asked', {}, [approve('unmapped')], '!UnmappedApprover'],
    ['of oneself', {}, [approve('alice')], '!SelfApproval'],
    ['of oneself by user name', {}, [approve('alias')], '!SelfApproval'],
    ['of oneself, even named', { approvers: { subjects: ['alice'] } }, [approve('alice')], '!SelfApproval'],
    ['refused by oneself', {}, [refuse('alice')], '!SelfApproval'],
    ['refused', {}, [refuse('dan')], 'Refused'],
    ['refused by somebody else', {}, [refuse('stranger')], '!NotApprover'],
    ['by two', { count: 2 }, [approve('dan'), approve('eve')], 'Pending Approved'],
    ['by one twice', { count: 2 }, [approve('dan'), approve('dan')], 'Pending !AlreadyVoted'],
    ['by one under two names', { count: 2 }, [approve('dan'), approve('dansOther')], 'Pending !AlreadyVoted'],
    ['by one of two, the other refuses', { count: 2 }, [approve('dan'), refuse('eve')], 'Pending Refused'],
    ['by one who thinks again', { count: 2 }, [approve('dan'), refuse('dan')], 'Pending Refused'],
    ['after a refusal', {}, [refuse('dan'), approve('eve')], 'Refused !Ended'],
    ['then a refusal', {}, [approve('dan'), refuse('eve')], 'Approved !Ended'],
    ['in the last millisecond', {}, [approve('dan', 60_999)], 'Approved'],
    ['one millisecond late', {}, [approve('dan', 61_000)], '!Expired'],
    ['after it expired', {}, [tick(61_000), approve('dan')], 'Expired !Ended'],
    ['before it expired', {}, [tick(60_999), approve('dan')], 'Pending Approved'],
    ['after it was cancelled', {}, [cancel, approve('dan')], 'Cancelled !Ended'],
    ['after the policy changed', {}, [change('v2'), approve('dan')], 'Cancelled !Ended'],
    ['after the same policy came again', {}, [change('v1'), approve('dan')], 'Pending Approved'],
    [
      'stays, whatever comes after',
      {},
      [approve('dan'), tick(1e9), cancel, change('v2')],
      'Approved Approved Approved Approved',
    ],
    ['refused stays', {}, [refuse('dan'), tick(1e9), cancel, change('v2')], 'Refused Refused Refused Refused'],
    ['expired stays', {}, [tick(1e9), cancel, change('v2')], 'Expired Expired Expired'],
    ['cancelled stays', {}, [cancel, tick(1e9), change('v2')], 'Cancelled Cancelled Cancelled'],
  ])('%s', (_, terms, events, expected) => {
    expect(story(held(terms), events)).toBe(expected);
  });

  it('has 600 seconds when the rule does not say', () => {
    const { terms, ...rest } = held();
    const { timeoutSeconds: _, ...bare } = terms;
    expect(holdCommand({ ...rest, terms: bare }).expiresAtMs).toBe(601_000);
  });

  it.each([
    [APPROVAL_REASON_LENGTH_MAX, 'Approved'],
    [APPROVAL_REASON_LENGTH_MAX + 1, '!ReasonTooLong'],
  ])('with a reason of %i characters', (length, expected) => {
    const vote: ApprovalEvent = {
      kind: 'Vote',
      verdict: 'Approve',
      by: PEOPLE.dan,
      reason: 'x'.repeat(length),
      atMs: 2000,
    };
    expect(story(held(), [vote])).toBe(expected);
  });

  it('keeps who voted, and why', () => {
    const next = advanceApproval(pendingApproval(held()), refuse('dan'));
    expect(next.ok && next.value.votes).toEqual([{ by: PEOPLE.dan, verdict: 'Refuse', reason: 'no', atMs: 2000 }]);
  });
});

describe('whatever happens', () => {
  const person = fc.constantFrom<Person>(
    'dan',
    'eve',
    'carol',
    'alice',
    'alias',
    'dansOther',
    'stranger',
    'unmapped',
    'named',
  );
  const time = fc.integer({ min: 1000, max: 70_000 });
  const event: fc.Arbitrary<ApprovalEvent> = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(person, time).map(([who, atMs]) => approve(who, atMs)) },
    { weight: 1, arbitrary: fc.tuple(person, time).map(([who, atMs]) => refuse(who, atMs)) },
    { weight: 1, arbitrary: time.map(tick) },
    { weight: 1, arbitrary: fc.constantFrom(cancel, change('v1'), change('v2')) },
  );
  const RUNS = { seed: 20261123, numRuns: 500 };

  function states(count: number, events: readonly ApprovalEvent[]): readonly ApprovalState[] {
    let state = pendingApproval(held({ count }));
    return events.map((next) => {
      const advanced = advanceApproval(state, next);
      if (advanced.ok) state = advanced.value;
      return state;
    });
  }

  it('nothing leads out of an end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(event, { maxLength: 12 }), (count, events) => {
        const seen = states(count, events);
        const first = seen.findIndex(({ kind }) => kind !== 'Pending');
        if (first >= 0) expect(new Set(seen.slice(first)).size).toBe(1);
      }),
      RUNS,
    );
  });

  it('what is approved was approved in time by enough different people, none of whom asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(event, { maxLength: 12 }), (count, events) => {
        const last = states(count, events).at(-1);
        if (last?.kind !== 'Approved') return;
        const people = new Set(last.votes.map(({ by }) => by.subject ?? by.user));
        expect(people.size).toBe(count);
        expect(people.has('alice')).toBe(false);
        expect(last.votes.every(({ verdict, atMs }) => verdict === 'Approve' && atMs < 61_000)).toBe(true);
      }),
      RUNS,
    );
  });
});
