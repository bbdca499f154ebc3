import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { eventually, type OperatorProcess, OperatorStage } from './operator-stage.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'certificates against a real API server: its programs are not built (npm run cluster -- up)',
);

const OWN = ['--tls-name=localhost'];
const SECRETS = '/api/v1/namespaces/sidegate/secrets';
const CONFIG_MAPS = '/api/v1/namespaces/sidegate/configmaps';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

let stage: OperatorStage;
let first: OperatorProcess;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  await stage.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
  await stage.serviceAccount('agents', 'bot');
  await stage.pod('agents', 'bot-1', {});
  await stage.put(WEBHOOKS, webhook());
  first = await stage.startOperator('operator-0', OWN);
});

afterAll(async () => {
  if (programs !== undefined) await stage.end();
});

function webhook(): object {
  const service = (name: string): object => ({ service: { name, namespace: 'sidegate', path: '/validate' } });
  const rules = [{ apiGroups: ['x.test'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] }];
  const common = { rules, sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Ignore' };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'sidegate-validation' },
    webhooks: [
      { ...common, name: 'other.sidegate.dev', clientConfig: service('other') },
      { ...common, name: 'validate.sidegate.dev', clientConfig: service('sidegate-webhook') },
    ],
  };
}

async function secretText(name: string, key: string): Promise<string | undefined> {
  const secret = (await stage.get(`${SECRETS}/${name}`)) as { data: Readonly<Record<string, string>> } | undefined;
  return secret === undefined ? undefined : Buffer.from(secret.data[key] ?? '', 'base64').toString();
}

async function injection(): Promise<Readonly<Record<string, string>>> {
  const found = (await stage.get(`${CONFIG_MAPS}/sidegate-injection`)) as { data: Readonly<Record<string, string>> };
  return found.data;
}

async function bundles(): Promise<readonly (string | undefined)[]> {
  const found = (await stage.get(`${WEBHOOKS}/sidegate-validation`)) as {
    webhooks: readonly { clientConfig: { caBundle?: string } }[];
  };
  return found.webhooks.map(({ clientConfig }) => clientConfig.caBundle);
}

test('the root stands where gates and the API server look for it, and beside what others wrote', async () => {
  const root = await secretText('sidegate-root', 'tls.crt');
  const data = await eventually('the root', async () =>
    (await injection())['root.crt'] === root ? injection() : undefined,
  );
  expect(data['image']).toBe('sidegate.test/gate:1');
  const bundle = Buffer.from(root ?? '').toString('base64');
  await eventually('the bundle', async () => ((await bundles())[1] === bundle ? true : undefined), bundles);
  expect((await bundles())[0]).toBeUndefined();
  expect(await secretText('sidegate-store-tls', 'ca.crt')).toBe(root);
});

test('a gate that trusts the root, and no other, follows the operator', async () => {
  const root = (await injection())['root.crt'] ?? '';
  const token = await stage.token('agents', 'bot-1');
  const gate = stage.gate(first, token, { authority: root });
  await eventually(
    'a snapshot',
    () => gate.last,
    () => gate.said,
  );
  const stranger = stage.gate(first, token);
  await eventually(
    'the refusal',
    () => stranger.said.find((one) => /cannot be followed/.test(one)),
    () => stranger.said,
  );
  expect(stranger.applied).toEqual([]);
});

test('a second replica serves with the same certificate and makes none of its own', async () => {
  const before = await secretText('sidegate-operator-tls', 'tls.crt');
  const second = await stage.startOperator('operator-1', OWN);
  expect(second.process.output()).not.toMatch(/certificate was made/);
  await first.process.stop('SIGKILL');
  await eventually('the second leader', async () =>
    /^sidegate_operator_leading 1$/m.test(await (await fetch(`${second.probesUrl}/metrics`)).text()) ? true : undefined,
  );
  const authority = (await injection())['root.crt'] ?? '';
  const gate = stage.gate(second, await stage.token('agents', 'bot-1'), { authority });
  await eventually(
    'a snapshot',
    () => gate.last,
    () => gate.said,
  );
  expect(await secretText('sidegate-operator-tls', 'tls.crt')).toBe(before);
});

test('certificates that were deleted come back, from the same root', async () => {
  const root = await secretText('sidegate-root', 'tls.crt');
  await stage.remove(`${SECRETS}/sidegate-store-tls`);
  const made = await eventually('the certificate', () => secretText('sidegate-store-tls', 'tls.crt'));
  expect(new X509Certificate(made).verify(new X509Certificate(root ?? '').publicKey)).toBe(true);
  expect(await secretText('sidegate-root', 'tls.crt')).toBe(root);
});
