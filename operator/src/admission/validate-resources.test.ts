import { expect, test } from '@jest/globals';
import type { AdmissionAnswer } from './admission-review.ts';
import { validateResources } from './validate-resources.ts';

const judge = validateResources({ operatorNamespace: 'sidegate', isLabelled: (namespace) => namespace === 'agents' });

const RULE = { name: 'r', action: 'Deny', reason: 'No.' };
const TARGET = { protocol: 'Postgres', host: 'db.data.svc', port: 5432 };
const CREDENTIAL = { secretRef: { name: 'db' } };

interface Asked {
  readonly kind?: string;
  readonly namespace?: string;
  readonly operation?: string;
  readonly before?: object;
  readonly metadata?: object;
}

function ask(
  spec: object,
  { kind = 'Policy', namespace = 'data', operation = 'CREATE', before, metadata }: Asked = {},
): AdmissionAnswer {
  const object = (of: object): object => ({
    apiVersion: 'sidegate.dev/v1alpha1',
    kind,
    metadata: { name: 'one', namespace, managedFields: [{}], ...metadata },
    spec: of,
  });
  return judge({
    uid: '1',
    operation,
    namespace,
    object: object(spec),
    ...(before === undefined ? {} : { oldObject: object(before) }),
    userInfo: {},
  });
}

test.each<[string, object, RegExp | undefined]>([
  ['a rule', { rules: [RULE] }, undefined],
  ['a condition', { rules: [{ ...RULE, when: 'identity.subject == "a"' }] }, undefined],
  ['a condition that is no CEL', { rules: [{ ...RULE, when: 'identity.subject ==' }] }, /spec\.rules\[0\]\.when/],
  ['a condition on what is not there', { rules: [{ ...RULE, when: 'nobody.name == "a"' }] }, /spec\.rules\[0\]\.when/],
  ['a statement', { rules: [{ ...RULE, match: { postgres: { statements: ['DELETE'] } } }] }, undefined],
  [
    'a misspelt statement',
    { rules: [{ ...RULE, match: { postgres: { statements: ['DELTE'] } } }] },
    /spec\.rules\[0\]\.match\.postgres\.statements\[0\].*no statement/,
  ],
  ['a table', { rules: [{ ...RULE, match: { postgres: { tables: [{ name: 'public.a' }] } } }] }, undefined],
  [
    'a table without a schema',
    { rules: [{ ...RULE, match: { postgres: { tables: [{ name: 'a' }] } } }] },
    /tables\[0\]\.name/,
  ],
  ['a misspelt field', { ruls: [RULE] }, /spec\.ruls.*rules/],
])('a Policy with %s', (_, spec, message) => {
  const answer = ask(spec);
  if (message === undefined) expect(answer).toEqual({ kind: 'Allowed' });
  else expect(answer).toEqual({ kind: 'Refused', message: expect.stringMatching(message) });
});

test('every fault is told at once', () => {
  const rules = [
    { ...RULE, when: '(' },
    { ...RULE, name: 's', match: { postgres: { statements: ['DELTE'] } } },
  ];
  expect(ask({ rules })).toMatchObject({ message: expect.stringMatching(/rules\[0\]\.when.*rules\[1\]\.match/s) });
});

test.each<[string, string, object, RegExp | undefined]>([
  ['a Target with a credential, without agents', 'data', { ...TARGET, credential: CREDENTIAL }, undefined],
  [
    'a Target with a credential, beside agents',
    'agents',
    { ...TARGET, credential: CREDENTIAL },
    /metadata\.namespace.*agents/,
  ],
  ['a Target that needs no credential, beside agents', 'agents', { ...TARGET, protocol: 'Redis' }, undefined],
  ['a Target without a port', 'data', { protocol: 'Postgres', host: 'db.data.svc' }, /port/],
])('%s', (_, namespace, spec, message) => {
  const answer = ask(spec, { kind: 'Target', namespace });
  if (message === undefined) expect(answer).toEqual({ kind: 'Allowed' });
  else expect(answer).toEqual({ kind: 'Refused', message: expect.stringMatching(message) });
});

test('what was stored under older rules can be relabelled and deleted, and changed only into what is valid', () => {
  const [bad, good] = [{ rules: [{ ...RULE, when: '(' }] }, { rules: [RULE] }];
  expect(ask(bad, { operation: 'UPDATE', before: bad, metadata: { labels: { a: 'b' } } })).toEqual({ kind: 'Allowed' });
  expect(ask(bad, { operation: 'UPDATE', before: good })).toMatchObject({ kind: 'Refused' });
  expect(ask(good, { operation: 'UPDATE', before: bad })).toEqual({ kind: 'Allowed' });
  expect(ask(bad, { operation: 'DELETE' })).toEqual({ kind: 'Allowed' });
});

test('a name that the API server is yet to make up is no fault', () => {
  expect(ask({ rules: [RULE] }, { metadata: { name: '', generateName: 'guard-' } })).toEqual({ kind: 'Allowed' });
});

test('kinds of others pass', () => {
  expect(ask({ replicas: 'many' }, { kind: 'Deployment' })).toEqual({ kind: 'Allowed' });
});
