import { expect, test } from '@jest/globals';
import { API_VERSION, type ApprovalDecision, type ApprovalRequest } from '@sidegate/crds';
import { ApproverNames } from '../approvals/approver-names.ts';
import { type ApprovalFacts, type GateWord, judgeApprovalRequest } from './approval-request.ts';

const EXPIRES_MS = Date.UTC(2026, 0, 1, 0, 10);
const approve: ApprovalDecision = { action: 'Approve', groups: ['dba'] };
const deny: ApprovalDecision = { action: 'Deny', groups: ['dba'] };
const NAMES = new ApproverNames({ userPrefix: 'corp:', users: [{ user: 'ops-lead', subject: 'lead@corp' }] });
const WAITS: GateWord = { kind: 'Waits' };

interface Given {
  readonly count?: number;
  readonly settled?: string;
  readonly source?: 'Token' | 'Workload';
  readonly subject?: string;
}

function request(
  decisions: Readonly<Record<string, ApprovalDecision>>,
  { count = 1, settled = '', source = 'Token', subject = 'agent@corp' }: Given = {},
): ApprovalRequest {
  const name = { namespace: 'data', name: 'x' };
  const condition = {
    type: 'Decided',
    status: 'True',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  } as const;
  return {
    apiVersion: API_VERSION,
    kind: 'ApprovalRequest',
    metadata: { ...name },
    spec: {
      targetRef: name,
      accessRef: name,
      policyRef: name,
      rule: 'r',
      reason: '',
      session: { id: 's', commandId: 1 },
      command: { protocol: 'Postgres', sha256: '', text: '' },
      identity: { verified: { source, issuer: 'i', subject } },
      approval: { approvers: { groups: ['dba'], subjects: ['carol', 'lead@corp'] }, count },
      requestedAt: '2026-01-01T00:00:00Z',
      expiresAt: new Date(EXPIRES_MS).toISOString(),
    },
    status: { decisions, conditions: settled === '' ? [] : [{ ...condition, reason: settled }] },
  };
}

function judge(given: ApprovalRequest, fromExpiryMs = -1, word: GateWord = WAITS): string {
  const facts: ApprovalFacts = { nowMs: EXPIRES_MS + fromExpiryMs, names: NAMES, word };
  const { decided, finished, votes } = judgeApprovalRequest(given, facts);
  return [decided, ...votes.map(({ by }) => by.user), ...(finished ? ['finished'] : [])].join(' ');
}

const [ann, bob] = ['corp:ann', 'corp:bob'];

// Each counts or does not count for one reason.
test.each<[string, ApprovalRequest, string]>([
  ['nobody said anything', request({}), 'Waiting'],
  ['a member of a group approved', request({ [ann]: approve }), 'Approved corp:ann'],
  ['somebody in no group did', request({ [ann]: { action: 'Approve' } }), 'Waiting'],
  ['somebody in another group did', request({ [ann]: { ...approve, groups: ['sales'] } }), 'Waiting'],
  ['a user whom nobody knows did', request({ ann: approve }), 'Waiting'],
  ['a user whom nobody knows did, and the rule names it', request({ carol: { action: 'Approve' } }), 'Approved carol'],
  ['a user did whose subject the rule names', request({ 'ops-lead': { action: 'Approve' } }), 'Approved ops-lead'],
  ['the requester approved', request({ 'corp:agent@corp': approve }), 'Waiting'],
  ['the requester denied', request({ 'corp:agent@corp': deny }), 'Waiting'],
  ['one of two approved', request({ [ann]: approve }, { count: 2 }), 'Waiting corp:ann'],
  ['two of two approved', request({ [bob]: approve, [ann]: approve }, { count: 2 }), 'Approved corp:ann corp:bob'],
  [
    'one person approved under two names',
    request({ 'corp:lead@corp': approve, 'ops-lead': approve }, { count: 2 }),
    'Waiting corp:lead@corp',
  ],
  ['one denied, two approved', request({ [ann]: approve, [bob]: approve, carol: deny }), 'Denied carol finished'],
  ['a pod asks, and a user approves', request({ ann: approve }, { source: 'Workload' }), 'Approved ann'],
  [
    'a pod asks, and decides itself',
    request({ 'system:serviceaccount:a:b': approve }, { source: 'Workload', subject: 'system:serviceaccount:a:b' }),
    'Waiting',
  ],
])('%s', (_, given, expected) => {
  expect(judge(given)).toBe(expected);
});

test.each<[string, ApprovalRequest, number, GateWord, string]>([
  ['before it expires', request({ [ann]: approve }), -1, WAITS, 'Approved corp:ann'],
  ['when it expires', request({ [ann]: approve }), 0, WAITS, 'Expired finished'],
  ['when the gate was told', request({ [ann]: approve }), -1, ended('Approved'), 'Approved corp:ann finished'],
  ['when the gate said that it expired', request({}), -1, ended('Expired'), 'Expired finished'],
  ['when the agent gave up', request({}), -1, ended('Cancelled'), 'Withdrawn finished'],
  ['when the gate knows nothing of it', request({}), -1, { kind: 'Lost', reason: 'x' }, 'Withdrawn finished'],
  ['while the gate is away', request({}), -1, { kind: 'Silent' }, 'Waiting'],
  ['settled before', request({ [ann]: approve }, { settled: 'Approved' }), 1, WAITS, 'Approved corp:ann'],
  [
    'settled and never heard of',
    request({ [ann]: approve }, { settled: 'Approved' }),
    60_000,
    WAITS,
    'Approved corp:ann finished',
  ],
  ['expired before', request({ [ann]: approve }, { settled: 'Expired' }), -1, WAITS, 'Expired corp:ann finished'],
  ['denied before', request({ [ann]: approve }, { settled: 'Denied' }), -1, WAITS, 'Denied corp:ann finished'],
])('%s', (_, given, fromExpiryMs, word, expected) => {
  expect(judge(given, fromExpiryMs, word)).toBe(expected);
});

test('an expiry that cannot be read is over', () => {
  const given = request({ [ann]: approve });
  expect(judge({ ...given, spec: { ...given.spec, expiresAt: 'soon' } })).toBe('Expired finished');
});

test('who does not count is told why', () => {
  const { verdicts } = judgeApprovalRequest(request({ ann: approve }), { nowMs: 0, names: NAMES, word: WAITS });
  expect(verdicts[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'Waiting' });
  expect(verdicts[0]?.message).toMatch(/^1 more approval is needed until .* Nobody knows which identity ann has/);
});

test('an approval that came too late says so', () => {
  const { verdicts } = judgeApprovalRequest(request({ [ann]: approve }), {
    nowMs: EXPIRES_MS - 1,
    names: NAMES,
    word: ended('Expired'),
  });
  expect(verdicts[0]).toMatchObject({ status: 'True', reason: 'Expired' });
  expect(verdicts[0]?.message).toMatch(/^Approved by corp:ann. It came too late/);
});

function ended(as: 'Approved' | 'Expired' | 'Cancelled'): GateWord {
  return { kind: 'Ended', as, reason: '' };
}
