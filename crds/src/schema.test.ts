import { describe, expect, test } from '@jest/globals';
import { assert, constantFrom, jsonValue, property, stringMatching } from 'fast-check';
import type { FieldFault } from './field-fault.ts';
import { parseQuantity } from './quantity.ts';
import { describeFault, type Result } from './result.ts';
import { compileSchema, RESOURCE_VALIDATORS, validateConfiguration } from './schema.ts';

const META = { name: 'orders', namespace: 'data' };
const APPROVERS = { approvers: { groups: ['dba'] } };

function target(spec: object): unknown {
  const base = { protocol: 'Postgres', host: 'db.local', port: 5432, credential: { secretRef: { name: 'c' } } };
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Target', metadata: META, spec: { ...base, ...spec } };
}

function policy(spec: object): object {
  return { apiVersion: 'sidegate.dev/v1alpha1', kind: 'Policy', metadata: META, spec };
}

function rule(fields: object): object {
  return policy({ rules: [{ name: 'r', action: 'Deny', ...fields }] });
}

function limit(fields: object): object {
  return policy({ limits: [{ name: 'l', rows: 1, perSeconds: 60, action: 'Deny', ...fields }] });
}

function linesOf(result: Result<unknown, readonly FieldFault[]>): readonly string[] {
  return result.ok ? [] : result.fault.map((fault) => `${fault.code} ${describeFault(fault)}`);
}

describe('metadata', () => {
  test('tells every fault at once, in the order of the file', () => {
    const broken = {
      ...rule({}),
      metadata: { name: 'Bad_Name', lables: { a: 'b' }, annotations: { on: true } },
    };
    expect(linesOf(RESOURCE_VALIDATORS.Policy(broken)).toSorted()).toEqual([
      'BadValue metadata.name: "Bad_Name" cannot stand here. A name of lower-case letters, digits, hyphens and dots, at most 253 characters long.',
      'UnknownField metadata.lables: Unknown field "lables". Did you mean "labels"?',
      'WrongType metadata.annotations.on: This must be text, and is true. Text; a number or a truth value stands in quotes.',
    ]);
  });

  test('may hold what a cluster adds, and a status', () => {
    const printed = {
      ...rule({}),
      metadata: { ...META, uid: 'u', creationTimestamp: null, managedFields: [{}], finalizers: [] },
      status: { anything: 1 },
    };
    expect(linesOf(RESOURCE_VALIDATORS.Policy(printed))).toEqual([]);
  });
});

test('a mask of type Null without quotes is told as what it is, once', () => {
  const masked = policy({ masks: [{ name: 'm', detect: ['Email'], with: { type: null } }] });
  expect(linesOf(RESOURCE_VALIDATORS.Policy(masked))).toEqual([
    "WrongType spec.masks[0].with.type: This must be text, and is empty. Write 'Null', in quotes: without them YAML takes it for nothing.",
  ]);
});

describe('defaults', () => {
  test('are filled in at every depth, and the input stays as it was', () => {
    const written = target({});
    const before = structuredClone(written);
    const result = RESOURCE_VALIDATORS.Target(written);
    expect(result.ok && result.value.spec).toMatchObject({
      tls: { mode: 'VerifyFull' },
      allowedNamespaces: { from: 'Same' },
      defaultAction: 'Deny',
      recording: { durability: 'Spool', content: 'Full' },
    });
    expect(written).toEqual(before);
  });

  test('reach into lists', () => {
    const result = RESOURCE_VALIDATORS.Policy(rule({ action: 'RequireApproval', approval: APPROVERS }));
    expect(result.ok && result.value.spec.rules?.[0]?.approval).toEqual({
      ...APPROVERS,
      count: 1,
      timeoutSeconds: 600,
      grant: { scope: 'Command' },
    });
  });

  test('make the smallest configuration whole', () => {
    const result = validateConfiguration({ apiVersion: 'sidegate.dev/v1alpha1', kind: 'Configuration' });
    expect(result).toMatchObject({
      ok: true,
      value: { operatorNamespace: 'sidegate', listen: { host: '127.0.0.1', ports: 'Target' } },
    });
  });
});

describe('an issuer', () => {
  const issuer = (url: string): unknown => ({
    apiVersion: 'sidegate.dev/v1alpha1',
    kind: 'Configuration',
    issuers: [{ name: 'corporate', url, audiences: ['sidegate'] }],
  });
  test.each([
    ['https://login.example.com/realm', true],
    ['http://127.0.0.1:8080/', true],
    ['http://localhost', true],
    ['http://[::1]:8080', true],
    ['http://login.example.com', false],
    ['http://127.0.0.1.example.com', false],
    ['http://localhost.example.com', false],
    ['ftp://login.example.com', false],
  ])('at %s is accepted: %s', (url, accepted) => {
    expect(validateConfiguration(issuer(url)).ok).toBe(accepted);
  });
});

test('every quantity that a schema lets pass can be counted', () => {
  const digits = stringMatching(/^[0-9]{1,17}$/);
  const suffix = constantFrom('', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'm', 'B');
  assert(
    property(digits, suffix, (number, unit) => {
      const quantity = number + unit;
      if (RESOURCE_VALIDATORS.Policy(limit({ bytes: quantity })).ok) expect(parseQuantity(quantity).ok).toBe(true);
    }),
  );
});

test('any value gives a result, never an exception', () => {
  assert(
    property(jsonValue(), (value) => {
      for (const validate of Object.values(RESOURCE_VALIDATORS)) validate(value);
      validateConfiguration(value);
    }),
  );
});

test('a rule that cannot be evaluated refuses', () => {
  const validate = compileSchema({
    type: 'object',
    properties: { a: { type: 'string' } },
    'x-kubernetes-validations': [{ rule: 'self.missing == 1', message: 'Never. Said.' }],
  });
  const result = validate({ a: 'x' });
  expect(result.ok || result.fault.map(({ code, message }) => [code, message])).toEqual([
    ['RuleBroken', 'A rule about this field could not be evaluated.'],
  ]);
});
