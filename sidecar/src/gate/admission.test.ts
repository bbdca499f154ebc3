import { expect, test } from '@jest/globals';
import { type AgentAccess, API_VERSION, fail, ok } from '@sidegate/crds';
import type { RuleSet, SessionRules, VerifiedIdentity } from '@sidegate/policy';
import { type AdmissionJudges, admit } from './admission.ts';

const TARGET = { namespace: 'data', name: 'orders-db' };
const ACCESS: AgentAccess = {
  apiVersion: API_VERSION,
  kind: 'AgentAccess',
  metadata: { namespace: 'agents', name: 'bot' },
  spec: { podSelector: {}, identity: { source: 'Token', issuers: ['corporate'] }, targetRefs: [TARGET] },
};
const VERIFIED: VerifiedIdentity = {
  source: 'Token',
  issuer: 'corporate',
  subject: 'bot',
  groups: ['support'],
  expiresAtMs: 1,
};
const RULES = { version: 'v1' } as SessionRules;

function judges(changes: Partial<AdmissionJudges> = {}): AdmissionJudges {
  const rules: RuleSet = { version: 'v1', openSession: () => ok(RULES) };
  return {
    verify: async () => ok(VERIFIED),
    rules: () => rules,
    credential: () => ({ username: 'u', password: 'p' }),
    closed: () => undefined,
    ...changes,
  };
}

const request: Parameters<typeof admit>[0] = {
  target: TARGET,
  access: ACCESS,
  proof: { kind: 'Token', token: ok('token') },
  claims: { run: 'r1' },
};

test('a verified identity that the rules admit gets rules and credential; its claims stay claims', async () => {
  expect(await admit(request, judges())).toEqual(
    ok({
      identity: { verified: VERIFIED, claimed: { run: 'r1' } },
      rules: RULES,
      credential: { username: 'u', password: 'p' },
    }),
  );
});

test('only the issuers that the access names are asked', async () => {
  const asked: unknown[] = [];
  await admit(request, judges({ verify: async (...parameters) => (asked.push(parameters), ok(VERIFIED)) }));
  expect(asked).toEqual([['token', 'Token', ['corporate']]]);
});

test.each<[string, Parameters<typeof admit>[0], Partial<AdmissionJudges>, string, boolean]>([
  [
    'no token',
    { ...request, proof: { kind: 'Token', token: fail({ code: 'NoToken', message: 'none' }) } },
    {},
    'Unauthenticated',
    false,
  ],
  ['a gate that is closed', request, { closed: () => 'The operator is silent.' }, 'NotAdmitted', true],
  [
    'a token that does not hold',
    request,
    { verify: async () => fail({ code: 'Expired', message: 'expired' }) },
    'Unauthenticated',
    false,
  ],
  [
    'rules that do not admit',
    request,
    { rules: () => ({ version: 'v1', openSession: () => fail({ code: 'Suspended', message: 'suspended' }) }) },
    'NotAdmitted',
    true,
  ],
  ['a credential that may not be sent', request, { credential: () => undefined }, 'NotAdmitted', true],
])(
  '%s turns away, and the record knows who it was where that was proved',
  async (_name, asked, changes, kind, known) => {
    const turnedAway = await admit(asked, judges(changes));
    expect(turnedAway).toMatchObject({ ok: false, fault: { refusal: { kind } } });
    if (!turnedAway.ok) expect(turnedAway.fault.identity !== undefined).toBe(known);
  },
);

test('a pod that was attested is who it is, with no token and no issuer asked', async () => {
  const workload = {
    issuer: 'kubernetes',
    subject: 'system:serviceaccount:agents:bot',
    groups: ['system:serviceaccounts'],
    pod: { namespace: 'agents', name: 'bot-1', uid: 'u1' },
  };
  const asked = { ...request, proof: { kind: 'Attested', workload } } as const;
  const admitted = await admit(asked, judges({ verify: () => Promise.reject(new Error('nobody is asked')) }));
  expect(admitted).toMatchObject({
    ok: true,
    value: {
      identity: { verified: { source: 'Workload', ...workload, expiresAtMs: Number.POSITIVE_INFINITY } },
    },
  });
});

test('a token that was presented in a pod is recorded with the pod', async () => {
  const pod = { namespace: 'agents', name: 'bot-1', uid: 'u1' };
  const admitted = await admit({ ...request, proof: { kind: 'Token', token: ok('token'), pod } }, judges());
  expect(admitted).toMatchObject({ ok: true, value: { identity: { verified: { ...VERIFIED, pod } } } });
});
