import { expect, test } from '@jest/globals';
import { API_VERSION, type ApprovalDecision, type ApprovalRequest } from '@sidegate/crds';
import { decideApproval, judgeApprovalRequest } from './approval-request.ts';

const EXPIRES_MS = Date.UTC(2026, 0, 1, 0, 10);
const approve: ApprovalDecision = { action: 'Approve' };
const deny: ApprovalDecision = { action: 'Deny' };

function request(
  decisions: Readonly<Record<string, ApprovalDecision>>,
  { count = 1, settled = '' }: { count?: number; settled?: string } = {},
): ApprovalRequest {
  const name = { namespace: 'data', name: 'x' };
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
      identity: { verified: { source: 'Token', issuer: 'i', subject: 'agent@corp' } },
      approval: { approvers: {}, count },
      requestedAt: '2026-01-01T00:00:00Z',
      expiresAt: new Date(EXPIRES_MS).toISOString(),
    },
    status: {
      decisions,
      conditions:
        settled === ''
          ? []
          : [
              {
                type: 'Ready',
                status: 'True',
                reason: settled,
                message: '',
                lastTransitionTime: '2026-01-01T00:00:00Z',
              },
            ],
    },
  };
}

test.each([
  ['nobody said anything', request({}), -1, 'Waiting', ''],
  ['one of one approved', request({ ann: approve }), -1, 'Approved', 'ann'],
  ['one of two approved', request({ ann: approve }, { count: 2 }), -1, 'Waiting', 'ann'],
  ['two of two approved', request({ bob: approve, ann: approve }, { count: 2 }), -1, 'Approved', 'ann bob'],
  ['one denied, two approved', request({ ann: approve, bob: approve, cy: deny }), -1, 'Denied', 'cy'],
  ['the requester approved', request({ 'agent-user': approve }), -1, 'Waiting', ''],
  [
    'the requester and one of two approved',
    request({ 'agent-user': approve, ann: approve }, { count: 2 }),
    -1,
    'Waiting',
    'ann',
  ],
  ['nobody decided in time', request({}), 0, 'Expired', ''],
  ['an approval is judged at the expiry', request({ ann: approve }), 0, 'Expired', ''],
  [
    'a late one claims to be early',
    request({ ann: { action: 'Approve', decidedAt: '2026-01-01T00:00:01Z' } }),
    5,
    'Expired',
    '',
  ],
  ['it expired, and is approved afterwards', request({ ann: approve }, { settled: 'Expired' }), -1, 'Expired', ''],
  ['it was approved before it expired', request({ ann: approve }, { settled: 'Approved' }), 9_000, 'Approved', 'ann'],
  [
    'it was denied, and is approved afterwards',
    request({ ann: approve, bob: deny }, { settled: 'Denied' }),
    -1,
    'Denied',
    'bob',
  ],
] as const)('%s', (_, asked, sinceExpiryMs, state, by) => {
  const facts = { nowMs: EXPIRES_MS + sinceExpiryMs, requester: 'agent-user' };
  expect(decideApproval(asked, facts)).toEqual({ state, by: by.split(' ').filter((user) => user !== '') });
  const [ready] = judgeApprovalRequest(asked, facts);
  expect(ready).toMatchObject({ type: 'Ready', status: state === 'Waiting' ? 'False' : 'True', reason: state });
});

test('an expiry that cannot be read is over', () => {
  const broken = request({ ann: approve });
  const asked: ApprovalRequest = { ...broken, spec: { ...broken.spec, expiresAt: 'soon' } };
  expect(decideApproval(asked, { nowMs: 0, requester: undefined }).state).toBe('Expired');
});
