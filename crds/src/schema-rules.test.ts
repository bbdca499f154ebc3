import { describe, expect, test } from '@jest/globals';
import type { FieldFault } from './field-fault.ts';
import { describeFault, type Result } from './result.ts';
import { RESOURCE_VALIDATORS } from './schema.ts';

const META = { name: 'orders', namespace: 'data' };
const APPROVERS = { approvers: { groups: ['dba'] } };

function target(spec: object): unknown {
  const base = { protocol: 'Postgres', host: 'db.local', port: 5432, credential: { secretRef: { name: 'c' } } };
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Target', metadata: META, spec: { ...base, ...spec } };
}

function access(spec: object): unknown {
  const base = { podSelector: {}, identity: { source: 'Workload' }, targetRefs: [{ name: 'a' }] };
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'AgentAccess', metadata: META, spec: { ...base, ...spec } };
}

function policy(spec: object): unknown {
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Policy', metadata: META, spec };
}

function rule(fields: object): unknown {
  return policy({ rules: [{ name: 'r', action: 'Deny', ...fields }] });
}

function limit(fields: object): unknown {
  return policy({ limits: [{ name: 'l', rows: 1, perSeconds: 60, action: 'Deny', ...fields }] });
}

function mask(fields: object): unknown {
  return policy({ masks: [{ name: 'm', columns: ['a.b.c'], with: { type: 'Redact' }, ...fields }] });
}

function linesOf(result: Result<unknown, readonly FieldFault[]>): readonly string[] {
  return result.ok ? [] : result.fault.map((fault) => `${fault.code} ${describeFault(fault)}`);
}

/** What is refused, the one line that says so, and the near-identical neighbour that is allowed. */
type Case = readonly [refused: unknown, line: string, allowed: unknown];

const TARGET_CASES: readonly Case[] = [
  [
    target({ defaultActoin: 'Deny' }),
    'UnknownField spec.defaultActoin: Unknown field "defaultActoin". Did you mean "defaultAction"?',
    target({ defaultAction: 'Deny' }),
  ],
  [
    target({ recording: { colour: 'red' } }),
    'UnknownField spec.recording.colour: Unknown field "colour". Known here: durability, content.',
    target({ recording: {} }),
  ],
  [
    target({ host: null }),
    'WrongType spec.host: This must be text, and is empty. The DNS name that agents already use, in lower case; never an address.',
    target({ host: 'orders-db.data.svc' }),
  ],
  [
    { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Target', metadata: META, spec: { protocol: 'HTTP', port: 80 } },
    'MissingField spec.host: The field "host" is missing. Add it. The DNS name that agents already use, in lower case; never an address.',
    {
      apiVersion: 'sidegate.dev/v1alpha1',
      kind: 'Target',
      metadata: META,
      spec: { protocol: 'HTTP', port: 80, host: 'a' },
    },
  ],
  [
    { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Target', metadata: META },
    'MissingField spec: The field "spec" is missing. Add it. What the object asks for.',
    target({}),
  ],
  [
    target({ host: '10.0.0.7' }),
    'BadValue spec.host: "10.0.0.7" cannot stand here. The DNS name that agents already use, in lower case; never an address.',
    target({ host: '10.0.0.7.nip.io' }),
  ],
  [
    target({ host: 'DB.local' }),
    'BadValue spec.host: "DB.local" cannot stand here. The DNS name that agents already use, in lower case; never an address.',
    target({ host: 'db.local' }),
  ],
  [
    target({ port: 65_536 }),
    'BadValue spec.port: 65536 is more than 65535. The TCP port that agents already use, 1 to 65535.',
    target({ port: 65_535 }),
  ],
  [
    target({ port: 0 }),
    'BadValue spec.port: 0 is less than 1. The TCP port that agents already use, 1 to 65535.',
    target({ port: 1 }),
  ],
  [
    target({ port: '5432' }),
    'WrongType spec.port: This must be a whole number, and is "5432". The TCP port that agents already use, 1 to 65535.',
    target({ port: 5432 }),
  ],
  [
    target({ protocol: 'postgres' }),
    'BadValue spec.protocol: "postgres" is not one of Postgres, Redis, SSH, Kubernetes, HTTP. Did you mean "Postgres"?',
    target({ protocol: 'Postgres' }),
  ],
  [
    target({ tls: { mode: 'Sometimes' } }),
    'BadValue spec.tls.mode: "Sometimes" is not one of Disable, Require, VerifyCA, VerifyFull. Use one of them.',
    target({ tls: { mode: 'Disable' } }),
  ],
  [
    target({ protocol: 'HTTP', postgres: {} }),
    'RuleBroken spec.postgres: The postgres block belongs to protocol Postgres. Remove it or change protocol.',
    target({ postgres: {} }),
  ],
  [
    target({ redis: {} }),
    'RuleBroken spec.redis: The redis block belongs to protocol Redis. Remove it or change protocol.',
    target({ protocol: 'Redis', redis: {} }),
  ],
  [
    target({ ssh: { hostKeys: ['ssh-ed25519 AAAA'] } }),
    'RuleBroken spec.ssh: The ssh block belongs to protocol SSH. Remove it or change protocol.',
    target({ protocol: 'SSH', ssh: { hostKeys: ['ssh-ed25519 AAAA'] } }),
  ],
  [
    target({ protocol: 'SSH' }),
    'RuleBroken spec: An SSH Target has no host keys to check the server by. Add ssh.hostKeys.',
    target({ protocol: 'SSH', ssh: { hostKeys: ['ssh-ed25519 AAAA'] } }),
  ],
  [
    {
      apiVersion: 'sidegate.dev/v1alpha1',
      kind: 'Target',
      metadata: META,
      spec: { protocol: 'Postgres', host: 'a', port: 1 },
    },
    'RuleBroken spec: A Postgres Target has no credential to log in with. Add credential.secretRef.',
    {
      apiVersion: 'sidegate.dev/v1alpha1',
      kind: 'Target',
      metadata: META,
      spec: { protocol: 'Redis', host: 'a', port: 1 },
    },
  ],
  [
    target({ tls: { mode: 'Require', caCertificateRefs: [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }] } }),
    'RuleBroken spec.tls.caCertificateRefs: Certificates of authorities are not read in this TLS mode. Use mode VerifyCA or VerifyFull, or remove caCertificateRefs.',
    target({ tls: { caCertificateRefs: [{ kind: 'ConfigMap', name: 'ca', key: 'ca.crt' }] } }),
  ],
  [
    target({ allowedNamespaces: { from: 'Selector' } }),
    'RuleBroken spec.allowedNamespaces: There is no selector to choose namespaces by. Add selector, or use from: Same or All.',
    target({ allowedNamespaces: { from: 'Selector', selector: {} } }),
  ],
  [
    target({ allowedNamespaces: { from: 'All', selector: {} } }),
    'RuleBroken spec.allowedNamespaces.selector: A selector is only read with from: Selector. Change from or remove selector.',
    target({ allowedNamespaces: { from: 'All' } }),
  ],
  [
    target({ allowedNamespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }),
    'RuleBroken spec.allowedNamespaces.selector.matchExpressions[0]: In and NotIn have no values to compare with. Add values.',
    target({
      allowedNamespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
    }),
  ],
  [
    target({
      allowedNamespaces: {
        from: 'Selector',
        selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
      },
    }),
    'RuleBroken spec.allowedNamespaces.selector.matchExpressions[0].values: Exists and DoesNotExist compare with no values. Remove values.',
    target({
      allowedNamespaces: {
        from: 'Selector',
        selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      },
    }),
  ],
  [
    target({ postgres: { databases: ['a', 'b', 'a'] } }),
    'DuplicateEntry spec.postgres.databases[2]: The list has two entries with "a". Rename or remove one of them.',
    target({ postgres: { databases: ['a', 'b', 'A'] } }),
  ],
];

const ACCESS_CASES: readonly Case[] = [
  [
    access({ identity: { source: 'Token' } }),
    "RuleBroken spec.identity: Tokens are accepted from no issuer. Add issuers and name at least one of the configuration's.",
    access({ identity: { source: 'Token', issuers: ['corporate'] } }),
  ],
  [
    access({ identity: { source: 'Workload', issuers: [] } }),
    "BadValue spec.identity.issuers: The list is empty. Names of issuers in the operator's configuration. Token needs one; on one machine, Workload without the field accepts every configured issuer.",
    access({ identity: { source: 'Workload' } }),
  ],
  [
    access({ targetRefs: [] }),
    'BadValue spec.targetRefs: The list is empty. The Targets that these agents reach.',
    access({ targetRefs: [{ name: 'a' }] }),
  ],
  [
    access({
      targetRefs: [
        { name: 'a', namespace: 'n' },
        { name: 'a', namespace: 'n' },
      ],
    }),
    'RuleBroken spec.targetRefs: One Target is named twice. Remove one of the two.',
    access({ targetRefs: [{ name: 'a', namespace: 'n' }, { name: 'a' }] }),
  ],
];

const POLICY_CASES: readonly Case[] = [
  [
    rule({ action: 'deny' }),
    'BadValue spec.rules[0].action: "deny" is not one of Allow, Deny, RequireApproval. Did you mean "Deny"?',
    rule({ action: 'Deny' }),
  ],
  [
    policy({
      rules: [
        { name: 'a', action: 'Deny' },
        { name: 'b', action: 'Deny' },
        { name: 'a', action: 'Allow' },
      ],
    }),
    'DuplicateEntry spec.rules[2].name: The list has two entries with name "a". Rename or remove one of them.',
    policy({
      rules: [
        { name: 'a', action: 'Deny' },
        { name: 'b', action: 'Deny' },
        { name: 'c', action: 'Allow' },
      ],
    }),
  ],
  [
    rule({ action: 'RequireApproval' }),
    'RuleBroken spec.rules[0]: RequireApproval does not say who approves. Add approval.approvers.',
    rule({ action: 'RequireApproval', approval: APPROVERS }),
  ],
  [
    rule({ approval: APPROVERS }),
    'RuleBroken spec.rules[0].approval: Approval terms are only read with action RequireApproval. Change action or remove approval.',
    rule({}),
  ],
  [
    rule({ action: 'RequireApproval', approval: { approvers: { groups: [] } } }),
    'RuleBroken spec.rules[0].approval.approvers: Nobody may approve. Name groups or subjects.',
    rule({ action: 'RequireApproval', approval: { approvers: { subjects: ['dana'] } } }),
  ],
  [
    rule({ action: 'RequireApproval', approval: { ...APPROVERS, grant: { scope: 'Window' } } }),
    'RuleBroken spec.rules[0].approval.grant: A Window has no length. Add windowSeconds.',
    rule({ action: 'RequireApproval', approval: { ...APPROVERS, grant: { scope: 'Window', windowSeconds: 60 } } }),
  ],
  [
    rule({ action: 'RequireApproval', approval: { ...APPROVERS, grant: { scope: 'Session', windowSeconds: 60 } } }),
    'RuleBroken spec.rules[0].approval.grant.windowSeconds: windowSeconds is only read with scope Window. Change scope or remove windowSeconds.',
    rule({ action: 'RequireApproval', approval: { ...APPROVERS, grant: { scope: 'Session' } } }),
  ],
  [
    rule({ match: {} }),
    'BadValue spec.rules[0].match: Nothing is stated here. Which commands, by protocol; commands of every protocol when absent. All that a block states must hold.',
    rule({}),
  ],
  [
    rule({ match: { postgres: { statements: ['drop'] } } }),
    'BadValue spec.rules[0].match.postgres.statements[0]: "drop" cannot stand here. An SQL verb in upper case, such as DELETE.',
    rule({ match: { postgres: { statements: ['DROP'] } } }),
  ],
  [
    rule({ match: { ssh: { channels: ['Exec'] } } }),
    'BadValue spec.rules[0].match.ssh.channels[0]: "Exec" is not one of exec, shell, sftp, forward. Did you mean "exec"?',
    rule({
      match: { ssh: { channels: ['exec'], commands: ['rm -r *'], paths: [{ path: '/etc/*', access: 'Write' }] } },
    }),
  ],
  [
    mask({ columns: ['customers.email'] }),
    'BadValue spec.masks[0].columns[0]: "customers.email" cannot stand here. A base column as schema.table.column, each part a name or *.',
    mask({ columns: ['public.customers.email'] }),
  ],
  [
    mask({ columns: [] }),
    'RuleBroken spec.masks[0]: The mask covers nothing. Add columns, keys, fields or detect.',
    mask({ columns: [], detect: ['Email'] }),
  ],
  [
    mask({ detect: ['Emial'] }),
    'BadValue spec.masks[0].detect[0]: "Emial" is not one of CreditCard, Email, UsSsn, Iban, Phone, Jwt, CloudKey, PrivateKey. Did you mean "Email"?',
    mask({ detect: ['Email'] }),
  ],
  [
    mask({ with: { type: 'Redact', keepLast: 4 } }),
    'RuleBroken spec.masks[0].with.keepLast: keepLast is only read with type Partial. Change type or remove keepLast.',
    mask({ with: { type: 'Partial', keepLast: 4 } }),
  ],
  [
    limit({ bytes: '50 MB' }),
    'BadQuantity spec.limits[0].bytes: "50 MB" is not a quantity of bytes. How much may be read: a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T.',
    limit({ bytes: '50Mi' }),
  ],
  [
    limit({ bytes: 1.5 }),
    'BadQuantity spec.limits[0].bytes: 1.5 is not a quantity of bytes. How much may be read: a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T.',
    limit({ bytes: 1 }),
  ],
  [
    policy({ limits: [{ name: 'l', perSeconds: 60, action: 'Deny' }] }),
    'RuleBroken spec.limits[0]: The limit counts nothing. Add rows, bytes or commands.',
    policy({ limits: [{ name: 'l', commands: 1, perSeconds: 60, action: 'Deny' }] }),
  ],
  [
    limit({ approval: APPROVERS }),
    'RuleBroken spec.limits[0].approval: Approval terms are only read with action RequireApproval. Change action or remove approval.',
    limit({ action: 'RequireApproval', approval: APPROVERS }),
  ],
  [
    rule({ reason: 'x'.repeat(1025) }),
    'BadValue spec.rules[0].reason: The text is longer than 1024 characters. One sentence that agent, approver and record see.',
    rule({ reason: 'x'.repeat(1024) }),
  ],
];

describe.each([
  ['Target', TARGET_CASES],
  ['AgentAccess', ACCESS_CASES],
  ['Policy', POLICY_CASES],
] as const)('a %s', (kind, cases) => {
  const validate = RESOURCE_VALIDATORS[kind];
  test.each(cases.map(([refused, line, allowed]) => ({ refused, line, allowed })))(
    '$line',
    ({ refused, line, allowed }) => {
      expect(linesOf(validate(refused))).toEqual([line]);
      expect(linesOf(validate(allowed))).toEqual([]);
    },
  );
});
