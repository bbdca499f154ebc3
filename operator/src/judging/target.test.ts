import { expect, test } from '@jest/globals';
import { fail, ok, type TargetSpec } from '@sidegate/crds';
import { secret, stored } from '../fixture/resources.ts';
import type { Secret } from '../kinds.ts';
import type { Verdict } from '../kube/conditions.ts';
import { readAuthorities } from './authorities.ts';
import { readLogin } from './login.ts';
import { type AcceptanceFacts, judgeAcceptance, judgeTarget, type TargetFacts } from './target.ts';

interface Facts extends AcceptanceFacts, Omit<TargetFacts, 'accepted'> {}

const FINE: Facts = {
  agentsHere: undefined,
  rival: undefined,
  login: ok({ username: 'a', password: 'b' }),
  authorities: ok([]),
};

function judge(facts: Partial<Facts>, spec: Partial<TargetSpec> | object = {}): readonly Verdict[] {
  const target = stored.target(spec);
  const whole = { ...FINE, ...facts };
  return judgeTarget(target, { ...whole, accepted: judgeAcceptance(target, whole) });
}

function shown(facts: Partial<Facts>, spec: Partial<TargetSpec> | object = {}): readonly string[] {
  return judge(facts, spec).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}

test('a Target with all that it needs is Ready', () => {
  expect(shown({})).toEqual(['Ready True Ready', 'Accepted True Accepted', 'CredentialReady True CredentialFound']);
});

test('a Target without a credential needs none', () => {
  expect(shown({}, { protocol: 'HTTP', credential: undefined })).toEqual([
    'Ready True Ready',
    'Accepted True Accepted',
    'CredentialReady True NotNeeded',
  ]);
});

test.each([
  [
    'agents run beside it',
    { agentsHere: 'Pods of data get a gate.' },
    'AgentsInNamespace',
    /Pods of data get a gate\..*move/,
  ],
  ['an older one has its host', { rival: 'other/db' }, 'Conflicted', /orders-db\.data\.svc:5432 .* other\/db/],
] as const)('not Accepted when %s', (_, facts, reason, message) => {
  const [ready, accepted] = judge(facts);
  expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason });
  expect(accepted).toMatchObject({ type: 'Accepted', status: 'False', reason });
  expect(accepted?.message).toMatch(message);
});

test('a spec that our definition refuses names the field and the mend', () => {
  const verdicts = judge({}, { port: 70_000, hots: 'x' });
  expect(verdicts.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
    'False InvalidSpec',
    'False InvalidSpec',
    'Unknown InvalidSpec',
  ]);
  expect(verdicts[0]?.message).toMatch(/spec\.port/);
  expect(verdicts[0]?.message).toMatch(/hots.*Did you mean "host"/);
});

test('a missing certificate keeps it from being Ready', () => {
  const fault = { code: 'CertificateNotFound', message: 'There is none.', mend: 'Add it.' } as const;
  expect(judge({ authorities: fail(fault) })[2]).toEqual({
    type: 'CredentialReady',
    status: 'False',
    reason: 'CertificateNotFound',
    message: 'There is none. Add it.',
  });
});

const LOGINS: readonly (readonly [what: string, secret: Secret | undefined, protocol: string, expected: string])[] = [
  ['all that is needed', secret(), 'Postgres', 'agent hunter2'],
  ['the host in capitals among others', secret({ hosts: 'a.b, ORDERS-DB.data.svc' }), 'Postgres', 'agent hunter2'],
  ['another host', secret({ hosts: 'orders-db2.data.svc' }), 'Postgres', 'HostNotNamed'],
  ['a parent of the host', secret({ hosts: 'data.svc' }), 'Postgres', 'HostNotNamed'],
  ['a pattern', secret({ hosts: '*.data.svc' }), 'Postgres', 'HostNotNamed'],
  ['no hosts', secret({ hosts: '-' }), 'Postgres', 'BadSecret'],
  ['an unknown key', secret({ pasword: 'x' }), 'Postgres', 'BadSecret'],
  ['another type', secret({}, { type: 'Opaque' }), 'Postgres', 'BadSecret'],
  ['no password', secret({ password: '-' }), 'Postgres', 'MissingKey'],
  ['an empty password', secret({ password: '' }), 'Postgres', 'agent '],
  ['no user name', secret({ username: '-' }), 'Postgres', 'MissingKey'],
  ['no user name, for Redis', secret({ username: '-' }), 'Redis', ' hunter2'],
  ['nothing', undefined, 'Postgres', 'SecretNotFound'],
];

test.each(LOGINS)('a Secret with %s', (_, found, protocol, expected) => {
  const spec: TargetSpec = {
    protocol: protocol === 'Redis' ? 'Redis' : 'Postgres',
    host: 'orders-db.data.svc',
    port: 5432,
    credential: { secretRef: { name: 'orders-db-agent' } },
  };
  const login = readLogin(spec, 'data', (name) => (name === 'orders-db-agent' ? found : undefined));
  expect(login.ok ? `${login.value.username} ${login.value.password}` : login.fault.code).toBe(expected);
  if (!login.ok) {
    expect(login.fault.message).toMatch(/Secret data\/orders-db-agent/);
    expect(JSON.stringify(login.fault)).not.toMatch(/hunter2/);
  }
});

test('what is not read yet is Unknown, and neither missing nor there', () => {
  const login = readLogin(
    { protocol: 'Postgres', host: 'h', port: 1, credential: { secretRef: { name: 'x' } } },
    'data',
    undefined,
  );
  expect(shown({ login })).toEqual([
    'Ready Unknown NotKnownYet',
    'Accepted True Accepted',
    'CredentialReady Unknown NotKnownYet',
  ]);
});

test.each([
  ['no reference', [], undefined, ''],
  ['text that is no certificate', [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }], 'x', 'BadCertificate'],
  [
    'a certificate that cannot be read',
    [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }],
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'BadCertificate',
  ],
  ['nothing read yet', [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }], null, 'NotKnownYet'],
  ['nothing there', [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }], undefined, 'CertificateNotFound'],
] as const)('authorities: %s', (_, references, text, expected) => {
  const read = readAuthorities(references, () => text);
  expect(read.ok ? read.value.join() : read.fault.code).toBe(expected);
});
