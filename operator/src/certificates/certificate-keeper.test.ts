import { webcrypto, X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { apiFault } from '../kube/api-fault.ts';
import { FakeTime, until } from '../kube/fixture/fake-time.ts';
import { MemoryApi } from '../kube/fixture/memory-api.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { readTlsSecret } from './tls-secret.ts';

const signal = new AbortController().signal;
const SECRETS = '/api/v1/namespaces/ops/secrets';
const INJECTION = '/api/v1/namespaces/ops/configmaps/sidegate-injection';
const DAY_MS = 24 * 3_600_000;

class Stage {
  readonly api = new MemoryApi();
  readonly timing = new FakeTime();
  readonly told: string[] = [];
  readonly troubles: string[] = [];

  keeper(source: 'SelfSigned' | 'Existing' = 'SelfSigned'): CertificateKeeper {
    return new CertificateKeeper({
      client: this.api,
      timing: this.timing,
      crypto: webcrypto,
      namespace: 'ops',
      clusterDomain: 'cluster.test',
      source,
      extraNames: ['gate.example.test'],
      tell: (what, facts) => this.told.push(`${what}: ${Object.values(facts).join(' ')}`),
      trouble: (what) => this.troubles.push(what),
    });
  }

  async pair(name: string): Promise<{ readonly certificate: X509Certificate; readonly text: string }> {
    const found = await readTlsSecret({ client: this.api, namespace: 'ops' }, name, signal);
    if (!found.ok || found.value === undefined) throw new Error(`there is no ${name}`);
    const text = found.value.pair.certificate;
    return { certificate: new X509Certificate(text), text };
  }

  get rootGiven(): unknown {
    return (this.api.objects.get(INJECTION) as { data?: Record<string, string> } | undefined)?.data?.['root.crt'];
  }
}

test('makes everything once, for the names of the Services', async () => {
  const stage = new Stage();
  const keeper = stage.keeper();
  expect(await keeper.round(signal)).toEqual([]);
  const root = await stage.pair('sidegate-root');
  const names: Readonly<Record<string, readonly string[]>> = {
    'sidegate-operator-tls': ['sidegate-operator.ops.svc', 'sidegate-webhook.ops.svc', 'gate.example.test'],
    'sidegate-store-tls': ['sidegate-store.ops.svc', 'sidegate-store.ops.svc.cluster.test'],
  };
  for (const [secret, hosts] of Object.entries(names)) {
    const { certificate } = await stage.pair(secret);
    expect(certificate.verify(root.certificate.publicKey)).toBe(true);
    for (const host of hosts) expect(certificate.checkHost(host)).toBeDefined();
    expect(certificate.checkHost('sidegate-reader.ops.svc')).toBeUndefined();
  }
  expect(stage.rootGiven).toBe(root.text);
  const written = stage.api.writes.length;
  expect(await keeper.round(signal)).toEqual([]);
  expect(stage.api.writes).toHaveLength(written);
});

test('serving certificates follow their age, the root stays', async () => {
  const stage = new Stage();
  const keeper = stage.keeper();
  await keeper.round(signal);
  const [root, first] = [await stage.pair('sidegate-root'), await stage.pair('sidegate-store-tls')];
  await stage.timing.advance(59 * DAY_MS);
  await keeper.round(signal);
  expect((await stage.pair('sidegate-store-tls')).text).toBe(first.text);
  await stage.timing.advance(DAY_MS);
  await keeper.round(signal);
  expect((await stage.pair('sidegate-store-tls')).text).not.toBe(first.text);
  expect((await stage.pair('sidegate-root')).text).toBe(root.text);
  expect(stage.told.filter((one) => /Due/.test(one))).toHaveLength(2);
});

test('a root that cannot be read is not replaced, and nothing is made from it', async () => {
  for (const spoil of ['fault', 'text'] as const) {
    const stage = new Stage();
    if (spoil === 'fault') stage.api.faults.set(`GET ${SECRETS}/sidegate-root`, apiFault(503, undefined));
    else
      stage.api.put(`${SECRETS}/sidegate-root`, { metadata: { name: 'sidegate-root' }, data: { 'tls.crt': 'eA==' } });
    expect(await stage.keeper().round(signal)).toHaveLength(1);
    expect(stage.api.writes).toEqual([]);
    expect(stage.rootGiven).toBeUndefined();
  }
});

test('the root of a replica that was faster is taken', async () => {
  const stage = new Stage();
  await stage.keeper().round(signal);
  const theirs = await stage.pair('sidegate-root');
  stage.api.faults.set(`GET ${SECRETS}/sidegate-root`, apiFault(404, undefined));
  expect(await stage.keeper().round(signal)).toHaveLength(1);
  stage.api.faults.clear();
  expect(await stage.keeper().round(signal)).toEqual([]);
  expect((await stage.pair('sidegate-root')).text).toBe(theirs.text);
});

test('a Secret that somebody else made stays as it is; the rest is done', async () => {
  const stage = new Stage();
  stage.api.put(`${SECRETS}/sidegate-store-tls`, {
    metadata: { name: 'sidegate-store-tls' },
    data: { 'tls.crt': 'eA==' },
  });
  expect(await stage.keeper().round(signal)).toEqual([
    expect.stringMatching(/sidegate-store-tls is Unreadable and not ours/),
  ]);
  expect(stage.api.writes).not.toContain(`PUT ${SECRETS}/sidegate-store-tls`);
  expect((await stage.pair('sidegate-operator-tls')).certificate.ca).toBe(false);
  expect(stage.rootGiven).toBeDefined();
});

test('with certificates of somebody else the operator writes the root and nothing else', async () => {
  const stage = new Stage();
  const keeper = stage.keeper('Existing');
  expect(await keeper.round(signal)).toEqual([expect.stringMatching(/There is no Secret sidegate-operator-tls/)]);
  stage.api.put(`${SECRETS}/sidegate-operator-tls`, { metadata: { name: 'sidegate-operator-tls' } });
  expect(await keeper.round(signal)).toEqual([expect.stringMatching(/no ca.crt/)]);
  const data = { 'ca.crt': Buffer.from('their root').toString('base64') };
  stage.api.put(`${SECRETS}/sidegate-operator-tls`, { metadata: { name: 'sidegate-operator-tls' }, data });
  expect(await keeper.round(signal)).toEqual([]);
  expect(stage.rootGiven).toBe('their root');
  expect(stage.api.writes).toEqual([`PATCH ${INJECTION}`]);
});

test('looks again by itself, sooner after trouble, until it no longer leads', async () => {
  const stage = new Stage();
  const leading = new AbortController();
  stage.api.faults.set(`GET ${INJECTION}`, apiFault(503, undefined));
  const running = stage.keeper().run(leading.signal);
  await until(() => stage.timing.pauses.length === 1, 'the first pause');
  expect(stage.timing.pauses).toEqual([500]);
  expect(stage.troubles).toEqual([expect.stringMatching(/cannot be spread/)]);
  stage.api.faults.clear();
  await stage.timing.advance(500);
  await until(() => stage.timing.pauses.length === 1, 'the second pause');
  expect(stage.timing.pauses).toEqual([30_000]);
  expect(stage.rootGiven).toBeDefined();
  leading.abort();
  await running;
  expect(stage.troubles).toHaveLength(1);
});
