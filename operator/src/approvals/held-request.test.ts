import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { API_VERSION, type ApprovalTerms, type Policy } from '@sidegate/crds';
import { type Held, HeldSchema } from '@sidegate/policy/control';
import type { BundleContent } from '../gate-bundle.ts';
import { ApproverNames } from './approver-names.ts';
import { isSameRequest, requestOf } from './held-request.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const TERMS: ApprovalTerms = { approvers: { groups: ['dba'], subjects: ['carol@corp'] }, timeoutSeconds: 60 };

const policy: Policy = {
  apiVersion: API_VERSION,
  kind: 'Policy',
  metadata: { name: 'guard', namespace: 'data' },
  spec: {
    rules: [
      { name: 'asks', action: 'RequireApproval', approval: TERMS },
      { name: 'denies', action: 'Deny' },
    ],
    limits: [
      { name: 'pace', commands: 1, perSeconds: 60, action: 'RequireApproval', approval: TERMS },
      { name: 'wall', commands: 9, perSeconds: 60, action: 'Deny' },
    ],
  },
};

const content: BundleContent = {
  version: 'v1',
  operatorNamespace: 'sidegate',
  maskKey: '',
  issuers: [],
  secrets: [],
  doors: [],
  resources: {
    targets: [
      {
        apiVersion: API_VERSION,
        kind: 'Target',
        metadata: { name: 'db', namespace: 'data' },
        spec: { protocol: 'Postgres', host: 'db.data.svc', port: 5432, credential: { secretRef: { name: 's' } } },
      },
    ],
    accesses: [
      {
        apiVersion: API_VERSION,
        kind: 'AgentAccess',
        metadata: { name: 'bot', namespace: 'agents' },
        spec: { podSelector: {}, identity: { source: 'Token', issuers: ['corp'] }, targetRefs: [] },
      },
    ],
    policies: [policy],
  },
};

function held(change: Omit<MessageInitShape<typeof HeldSchema>, '$typeName'> = {}): Held {
  const whole: MessageInitShape<typeof HeldSchema> = {
    id: 'bcdfghjk',
    policyVersion: 'v1',
    policy: { namespace: 'data', name: 'guard' },
    rule: 'asks',
    reason: 'because',
    target: { namespace: 'data', name: 'db' },
    access: { namespace: 'agents', name: 'bot' },
    sessionId: 's1',
    commandId: 3n,
    sha256: 'a'.repeat(64),
    text: 'DELETE FROM t',
    requester: { issuer: 'corp', subject: 'agent@corp' },
    remainingMilliseconds: 60_000,
  };
  return create(HeldSchema, { ...whole, ...change });
}

function ask(one: Held) {
  const names = new ApproverNames({ userPrefix: 'corp:', users: [{ user: 'lead', subject: 'carol@corp' }] });
  const pod = { namespace: 'agents', name: 'bot-1', uid: 'uid-1' };
  return requestOf(one, { content, pod, names, nowMs: NOW_MS });
}

function specOf(one: Held) {
  const made = ask(one);
  if (!made.ok) throw new Error(made.fault.message);
  return made.value.spec;
}

test('who approves, and for how long, comes from the Policy', () => {
  const spec = specOf(held({ remainingMilliseconds: 90_000, waitedMilliseconds: 1_000 }));
  expect(spec).toMatchObject({
    approval: TERMS,
    approverUsers: ['carol@corp', 'lead', 'corp:carol@corp'],
    identity: { users: ['agent@corp', 'corp:agent@corp'] },
    requestedAt: '2025-12-31T23:59:59.000Z',
    expiresAt: '2026-01-01T00:01:00.000Z',
  });
});

test.each<[string, Held, string]>([
  ['a rule that asks', held(), 'made'],
  ['a limit that asks', held({ rule: 'pace', isLimit: true }), 'made'],
  ['a rule by the name of a limit', held({ rule: 'pace' }), 'NoSuchRule'],
  ['a limit by the name of a rule', held({ isLimit: true }), 'NoSuchRule'],
  ['a rule that denies', held({ rule: 'denies' }), 'NoSuchRule'],
  ['a limit that denies', held({ rule: 'wall', isLimit: true }), 'NoSuchRule'],
  ['another Policy', held({ policy: { namespace: 'data', name: 'other' } }), 'NoSuchRule'],
  ['a Policy of another namespace', held({ policy: { namespace: 'agents', name: 'guard' } }), 'NoSuchRule'],
  ['no Policy', held({ policy: {} }), 'NoSuchRule'],
  ['another Target', held({ target: { namespace: 'data', name: 'x' } }), 'NoSuchDoor'],
  ['another AgentAccess', held({ access: { namespace: 'agents', name: 'x' } }), 'NoSuchDoor'],
  ['an id that is no name', held({ id: '../bcdfg' }), 'CannotBeShown'],
  ['no hash', held({ sha256: '' }), 'CannotBeShown'],
  ['as many values as fit', held({ binds: Array.from({ length: 1_024 }, () => ({})) }), 'made'],
  ['more values than fit', held({ binds: Array.from({ length: 1_025 }, () => ({})) }), 'CannotBeShown'],
  ['a value as long as fits', held({ binds: [{ text: 'x'.repeat(32_768) }] }), 'made'],
  ['a value that is longer', held({ binds: [{ text: 'x'.repeat(32_769) }] }), 'CannotBeShown'],
  ['a text that is too long', held({ text: 'x'.repeat(65_537) }), 'CannotBeShown'],
])('%s', (_, one, expected) => {
  const made = ask(one);
  expect(made.ok ? 'made' : made.fault.code).toBe(expected);
});

test('a NULL is told from the word', () => {
  expect(specOf(held({ binds: [{}, { text: 'NULL' }, { text: "a'b" }] })).command.parameters).toEqual([
    'NULL',
    "'NULL'",
    "'a''b'",
  ]);
});

test.each<[string, Held, boolean]>([
  ['the same', held(), true],
  ['the same, said later', held({ remainingMilliseconds: 5, waitedMilliseconds: 55_000 }), true],
  ['other bytes', held({ sha256: 'b'.repeat(64) }), false],
  ['another text', held({ text: 'DELETE FROM u' }), false],
  ['another value', held({ binds: [{ text: '1' }] }), false],
  ['another session', held({ sessionId: 's2' }), false],
  ['another command', held({ commandId: 4n }), false],
  ['another subject', held({ requester: { issuer: 'corp', subject: 'x' } }), false],
  ['another rule', held({ rule: 'pace', isLimit: true }), false],
])('a request for %s is the same: %s', (_, one, same) => {
  expect(isSameRequest(specOf(held()), specOf(one))).toBe(same);
});
