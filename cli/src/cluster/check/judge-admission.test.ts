import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import type { WebhookConfiguration } from './cluster-objects.ts';
import { type Bound, GUARDS, INJECTORS, judgeGuards, judgeInjectors, judgeValidation } from './judge-admission.ts';

const NAMESPACE = 'sidegate-system';

test('the names are those that the chart installs', () => {
  const policiesIn = (file: string): readonly string[] => {
    const text = readFileSync(new URL(`../../../../charts/sidegate/generated/${file}.yaml`, import.meta.url), 'utf8');
    const all = parseAllDocuments(text).map((one) => one.toJS() as { kind: string; metadata: { name: string } });
    return all.filter(({ kind }) => kind.endsWith('AdmissionPolicy')).map(({ metadata }) => metadata.name);
  };
  expect(GUARDS.toSorted()).toEqual([...policiesIn('guards'), ...policiesIn('approvals')].toSorted());
  expect(INJECTORS.toSorted()).toEqual(policiesIn('inject').toSorted());
});

test.each<readonly [string, Bound, string]>([
  ['all', bound(GUARDS), 'ok'],
  ['one without its policy', { ...bound(GUARDS), policies: bound(GUARDS.slice(1)).policies }, 'fail'],
  ['one without its binding', { ...bound(GUARDS), bindings: bound(GUARDS.slice(1)).bindings }, 'fail'],
  ['some that only warn', bound(GUARDS, ['Warn']), 'fail'],
  ['some that read another namespace', bound(GUARDS, ['Deny'], 'gates'), 'fail'],
])('guards: %s', (_name, guards, level) => {
  expect(judgeGuards(guards, NAMESPACE).level).toBe(level);
});

test('a binding of another policy is none', () => {
  const { policies, bindings } = bound(GUARDS);
  const turned = bindings.map((one) =>
    one.metadata.name === 'sidegate-pods' ? { ...one, spec: { ...one.spec, policyName: 'other' } } : one,
  );
  const why = 'the binding sidegate-pods is missing';
  expect(judgeGuards({ policies, bindings: turned }, NAMESPACE)).toMatchObject({ level: 'fail', why });
});

test.each<readonly [string, Bound, WebhookConfiguration | undefined, string]>([
  ['policies', bound(INJECTORS), undefined, 'ok'],
  ['half of the policies', bound(INJECTORS.slice(1)), undefined, 'fail'],
  ['a webhook', bound([]), webhook('cm9vdA=='), 'ok'],
  ['a webhook that trusts nothing', bound([]), webhook(''), 'fail'],
  ['a webhook of another namespace', bound([]), webhook('cm9vdA==', 'gates'), 'fail'],
  ['nothing', bound([]), undefined, 'fail'],
])('injection by %s', (_name, injectors, hook, level) => {
  expect(judgeInjectors(injectors, hook, NAMESPACE).level).toBe(level);
});

test.each<readonly [string, WebhookConfiguration | undefined, string]>([
  ['there', webhook('cm9vdA=='), 'ok'],
  ['without a root', webhook(''), 'warn'],
  ['missing', undefined, 'warn'],
])('the validating webhook is %s', (_name, hook, level) => {
  expect(judgeValidation(hook, NAMESPACE).level).toBe(level);
});

function bound(names: readonly string[], validationActions = ['Deny'], namespace = NAMESPACE): Bound {
  return {
    policies: names.map((name) => ({ metadata: { name } })),
    bindings: names.map((name) => ({
      metadata: { name },
      spec: { policyName: name, validationActions, paramRef: { name: 'sidegate-injection', namespace } },
    })),
  };
}

function webhook(caBundle: string, namespace = NAMESPACE): WebhookConfiguration {
  return { metadata: { name: 'sidegate-hook' }, webhooks: [{ clientConfig: { caBundle, service: { namespace } } }] };
}
