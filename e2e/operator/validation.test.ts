import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { eventually, OperatorStage } from './operator-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(programs, 'validation at a real API server: its programs are not built (npm run cluster -- up)');
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

let stage: OperatorStage;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('data');
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
  const operator = await stage.startOperator('operator-0');
  await eventually('its readiness', async () => ((await fetch(`${operator.probesUrl}/readyz`)).ok ? true : undefined));
  await stage.put(WEBHOOKS, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'sidegate-validation' },
    webhooks: [
      {
        name: 'resources.sidegate.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 30,
        clientConfig: {
          url: `${operator.admissionUrl}/validate/resources`,
          caBundle: Buffer.from(stage.authority).toString('base64'),
        },
        rules: [
          {
            apiGroups: ['sidegate.dev'],
            apiVersions: ['v1alpha1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['targets', 'agentaccesses', 'policies'],
          },
        ],
      },
    ],
  });
  // The API server takes a new configuration up after a moment.
  await eventually('the webhook', async () =>
    /cannot be used/.test(await stage.tryApply('Policy', 'data', 'probe', { rules: [{ ...RULE, when: '(' }] }))
      ? true
      : undefined,
  );
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

type Kind = 'Target' | 'AgentAccess' | 'Policy';

const RULE = { name: 'r', action: 'Deny', reason: 'No.' };
const MASK = { name: 'm', columns: ['public.people.ssn'], with: { type: 'Redact' } };
const TARGET = { protocol: 'Postgres', host: 'db.data.svc', port: 5432, credential: { secretRef: { name: 'db' } } };
const ACCESS = {
  podSelector: {},
  identity: { source: 'Workload' },
  targetRefs: [{ namespace: 'data', name: 'db' }],
};
const postgres = (match: object): object => ({ rules: [{ ...RULE, match: { postgres: match } }] });

/** What is wrong, near to what is right: the field stands in the answer, and how to mend it where something is said of that. */
const TABLE: readonly (readonly [string, Kind, object, RegExp | undefined])[] = [
  ['a Target', 'Target', TARGET, undefined],
  ['a Target without a credential', 'Target', { ...TARGET, credential: undefined }, /Add credential\.secretRef/],
  ['a Target of no known protocol', 'Target', { ...TARGET, protocol: 'Oracle' }, /spec\.protocol/],
  ['a Target at no port', 'Target', { ...TARGET, port: 0 }, /spec\.port/],
  ['a Target at no host', 'Target', { ...TARGET, host: 'db data' }, /spec\.host/],
  ['a Target with a misspelt field', 'Target', { ...TARGET, prot: 1 }, /spec\.prot/],
  ['an AgentAccess', 'AgentAccess', ACCESS, undefined],
  ['an AgentAccess to nothing', 'AgentAccess', { ...ACCESS, targetRefs: [] }, /spec\.targetRefs/],
  [
    'an AgentAccess of no identity',
    'AgentAccess',
    { ...ACCESS, identity: { source: 'Mine' } },
    /spec\.identity\.source/,
  ],
  ['a Policy', 'Policy', { rules: [RULE], masks: [MASK] }, undefined],
  ['a rule that does nothing known', 'Policy', { rules: [{ ...RULE, action: 'Drop' }] }, /spec\.rules\[0\]\.action/],
  ['a hold without people', 'Policy', { rules: [{ ...RULE, action: 'RequireApproval' }] }, /Add approval\.approvers/],
  ['a mask that covers nothing', 'Policy', { masks: [{ name: 'm', with: { type: 'Redact' } }] }, /Add columns/],
  ['a condition', 'Policy', { rules: [{ ...RULE, when: 'identity.subject == "a"' }] }, undefined],
  [
    'a condition that is no CEL',
    'Policy',
    { rules: [{ ...RULE, when: 'identity.subject ==' }] },
    /spec\.rules\[0\]\.when/,
  ],
  ['a condition on nothing', 'Policy', { rules: [{ ...RULE, when: 'nobody.x == 1' }] }, /spec\.rules\[0\]\.when/],
  ['a statement', 'Policy', postgres({ statements: ['DELETE'] }), undefined],
  ['a misspelt statement', 'Policy', postgres({ statements: ['DELTE'] }), /statements\[0\].*no statement/],
  ['a table', 'Policy', postgres({ tables: [{ name: 'public.a' }] }), undefined],
  ['a table without a schema', 'Policy', postgres({ tables: [{ name: 'a' }] }), /tables\[0\]\.name/],
  ['two rules of one name', 'Policy', { rules: [RULE, RULE] }, /spec\.rules/],
];

test.each(TABLE)('%s is refused when it is applied, or taken', async (_, kind, spec, message) => {
  const said = await stage.tryApply(kind, 'data', 'one', spec);
  if (message === undefined) expect(said).toBe('');
  else expect(said).toMatch(message);
  if (message === undefined) await stage.remove(stage.pathOf(kind, 'data', 'one'));
});

test('a credential beside agents is refused, and nowhere else', async () => {
  await eventually('the refusal', async () =>
    /metadata\.namespace.*Put Target and Secret/.test(await stage.tryApply('Target', 'agents', 'db', TARGET))
      ? true
      : undefined,
  );
  expect(await stage.tryApply('Target', 'data', 'db', TARGET)).toBe('');
});
