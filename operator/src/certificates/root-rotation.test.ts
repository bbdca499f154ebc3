import { webcrypto, X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { certificatesIn } from '@sidegate/crds';
import { apiFault } from '../kube/api-fault.ts';
import { FakeTime } from '../kube/fixture/fake-time.ts';
import { MemoryApi } from '../kube/fixture/memory-api.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { OVERLAP_MS } from './root-rotation.ts';
import { readTlsSecret, type TlsSecret } from './tls-secret.ts';

const signal = new AbortController().signal;
const ROOT = '/api/v1/namespaces/ops/secrets/sidegate-root';
const INJECTION = '/api/v1/namespaces/ops/configmaps/sidegate-injection';
const SERVINGS = ['sidegate-operator-tls', 'sidegate-store-tls'];

class Stage {
  readonly api = new MemoryApi();
  readonly timing = new FakeTime();
  readonly told: string[] = [];
  readonly troubles: string[] = [];
  readonly keeper: CertificateKeeper;

  constructor(source: 'SelfSigned' | 'Existing' = 'SelfSigned') {
    this.keeper = new CertificateKeeper({
      client: this.api,
      timing: this.timing,
      crypto: webcrypto,
      namespace: 'ops',
      clusterDomain: 'cluster.test',
      source,
      extraNames: [],
      tell: (what) => this.told.push(what),
      trouble: (what) => this.troubles.push(what),
    });
  }

  async round(): Promise<void> {
    expect(await this.keeper.round(signal)).toEqual([]);
  }

  async secret(name = 'sidegate-root'): Promise<TlsSecret> {
    const found = await readTlsSecret({ client: this.api, namespace: 'ops' }, name, signal);
    if (!found.ok || found.value === undefined) throw new Error(`there is no ${name}`);
    return found.value;
  }

  async root(): Promise<string> {
    return (await this.secret()).pair.certificate;
  }

  /** The certificates that are shown with each of the serving ones, which come first. */
  async chains(): Promise<readonly (readonly X509Certificate[])[]> {
    const secrets = await Promise.all(SERVINGS.map((name) => this.secret(name)));
    return secrets.map(({ pair }) => certificatesIn(pair.certificate).map((text) => new X509Certificate(text)));
  }

  /** As `kubectl annotate` does. */
  ask(word: string): void {
    const found = this.api.objects.get(ROOT);
    if (found === undefined) throw new Error('there is no root');
    const annotations = {
      ...Object(found.metadata['annotations']),
      'sidegate.dev/root': word,
      'example.com/kept': 'x',
    };
    this.api.put(ROOT, { ...found, metadata: { ...found.metadata, annotations } });
  }

  get data(): Readonly<Record<string, string>> {
    return Object(this.api.objects.get(INJECTION))['data'] ?? {};
  }

  get formerRoots(): readonly string[] {
    return JSON.parse(this.data['former-roots'] ?? '[]');
  }
}

/** Whether each chain leads from its first certificate, each signing the one before it, to `root`. */
function lead(chains: readonly (readonly X509Certificate[])[], root: string): boolean {
  const end = new X509Certificate(root);
  return chains.every((chain) => [...chain.slice(1), end].every((one, index) => chain[index]?.verify(one.publicKey)));
}

test('a rotation makes a root that new pods trust beside the one before, and serves with it in the round after', async () => {
  const stage = new Stage();
  await stage.round();
  const [before, key] = [await stage.root(), (await stage.secret()).pair.key];
  stage.ask('Rotate');
  await stage.round();
  const after = await stage.root();
  expect(after).not.toBe(before);
  expect(stage.data['root.crt']).toBe(after + before);
  expect(stage.formerRoots).toEqual([before]);
  // Whoever has not heard of it yet is not shown it yet.
  expect(lead(await stage.chains(), before)).toBe(true);
  expect((await stage.chains()).map((chain) => chain.length)).toEqual([1, 1]);
  await stage.round();
  const chains = await stage.chains();
  expect(chains.every(([leaf]) => leaf?.verify(new X509Certificate(after).publicKey))).toBe(true);
  expect(lead(chains, before)).toBe(true);
  const kept = await stage.secret();
  expect(kept.annotations).toEqual({ 'example.com/kept': 'x' });
  expect(JSON.stringify(kept)).not.toContain(key.split('\n')[2]);
  const written = stage.api.writes.length;
  await stage.round();
  expect(stage.api.writes).toHaveLength(written);
});

test('when everything surely shows the new root, new pods name it alone', async () => {
  const stage = new Stage();
  await stage.round();
  const before = await stage.root();
  stage.ask('Rotate');
  await stage.round();
  await stage.timing.advance(OVERLAP_MS - 1);
  await stage.round();
  const after = await stage.root();
  expect(stage.data['root.crt']).toBe(after + before);
  await stage.timing.advance(1);
  await stage.round();
  expect(stage.data['root.crt']).toBe(after);
  expect(stage.formerRoots).toEqual([after + before, before]);
  await stage.round();
  expect(lead(await stage.chains(), before)).toBe(true);
});

test('after two rotations gates of the first root still go on', async () => {
  const stage = new Stage();
  await stage.round();
  const first = await stage.root();
  for (const wish of ['Rotate', 'Rotate']) {
    stage.ask(wish);
    await stage.round();
    await stage.round();
  }
  const chains = await stage.chains();
  expect(chains.map((chain) => chain.length)).toEqual([3, 3]);
  expect(lead(chains, first)).toBe(true);
  expect(stage.formerRoots).toContain(first);
});

test('what is retired is neither listed nor shown any more, and the root stays', async () => {
  const stage = new Stage();
  await stage.round();
  stage.ask('Rotate');
  await stage.round();
  await stage.round();
  const root = await stage.root();
  stage.ask('Retire');
  await stage.round();
  await stage.round();
  expect(await stage.root()).toBe(root);
  expect([stage.data['root.crt'], stage.formerRoots]).toEqual([root, []]);
  const chains = await stage.chains();
  expect(chains.map((chain) => chain.length)).toEqual([1, 1]);
  expect(lead(chains, root)).toBe(true);
  expect(await stage.secret()).toMatchObject({ more: {}, annotations: { 'example.com/kept': 'x' } });
  const written = stage.api.writes.length;
  await stage.round();
  expect(stage.api.writes).toHaveLength(written);
});

test('a retirement that does not get through is asked for still', async () => {
  const stage = new Stage();
  await stage.round();
  stage.ask('Rotate');
  await stage.round();
  stage.ask('Retire');
  stage.api.faults.set(`PATCH ${INJECTION}`, apiFault(503, undefined));
  expect(await stage.keeper.round(signal)).toEqual([expect.stringMatching(/cannot be retired/)]);
  expect((await stage.secret()).annotations['sidegate.dev/root']).toBe('Retire');
  stage.api.faults.clear();
  await stage.round();
  expect(stage.formerRoots).toEqual([]);
  expect((await stage.secret()).annotations['sidegate.dev/root']).toBeUndefined();
});

test('nothing is served with a new root while it cannot be spread', async () => {
  const stage = new Stage();
  await stage.round();
  const before = await stage.root();
  stage.ask('Rotate');
  stage.api.faults.set(`PATCH ${INJECTION}`, apiFault(503, undefined));
  for (const _round of [1, 2]) expect(await stage.keeper.round(signal)).toEqual([expect.stringMatching(/spread/)]);
  expect((await stage.chains()).map((chain) => chain.length)).toEqual([1, 1]);
  expect(lead(await stage.chains(), before)).toBe(true);
});

test('a word that is not known changes nothing, and is told once', async () => {
  const stage = new Stage();
  await stage.round();
  const before = await stage.root();
  stage.ask('rotate');
  await stage.round();
  await stage.round();
  expect(await stage.root()).toBe(before);
  expect(stage.troubles).toEqual([expect.stringMatching(/is rotate; it may be Rotate or Retire/)]);
});

test('what gates named is kept, too, when somebody else changes the authority', async () => {
  const stage = new Stage('Existing');
  for (const authority of ['one', 'one and two', 'two']) {
    const data = { 'ca.crt': Buffer.from(authority).toString('base64') };
    stage.api.put('/api/v1/namespaces/ops/secrets/sidegate-operator-tls', {
      metadata: { name: 'sidegate-operator-tls' },
      data,
    });
    await stage.round();
    expect(stage.data['root.crt']).toBe(authority);
  }
  expect(stage.formerRoots).toEqual(['one and two', 'one']);
});
