import { webcrypto } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import { FakeTime, until } from '../kube/fixture/fake-time.ts';
import { MemoryApi } from '../kube/fixture/memory-api.ts';
import { mintRoot } from './mint.ts';
import type { PemPair } from './pem-pair.ts';
import { firstServing, followServing, type ServingSource, servingSecret } from './serving-source.ts';
import { writeTlsSecret } from './tls-secret.ts';

let pairs: readonly [PemPair, PemPair];

beforeAll(async () => {
  pairs = [await mintRoot(webcrypto, Date.now()), await mintRoot(webcrypto, Date.now())];
});

test('waits for the first certificate, and says once what is missing', async () => {
  const [api, timing, stop] = [new MemoryApi(), new FakeTime(), new AbortController()];
  const troubles: string[] = [];
  const place = { client: api, namespace: 'ops' };
  const first = firstServing(
    { source: servingSecret(place, 'own'), timing, trouble: (what) => troubles.push(what) },
    stop.signal,
  );
  await until(() => timing.pauses.length === 1);
  await timing.advance(250);
  await until(() => timing.pauses.length === 1);
  await writeTlsSecret(place, 'own', { pair: pairs[0], authority: 'root' }, undefined, stop.signal);
  await timing.advance(10_000);
  expect(await first).toEqual(pairs[0]);
  expect(troubles).toEqual([expect.stringMatching(/no Secret own yet/)]);
});

test('a certificate without its key is not served', async () => {
  const api = new MemoryApi();
  const place = { client: api, namespace: 'ops' };
  const signal = new AbortController().signal;
  await writeTlsSecret(
    place,
    'own',
    { pair: { ...pairs[0], key: pairs[1].key }, authority: 'root' },
    undefined,
    signal,
  );
  expect(await servingSecret(place, 'own')(signal)).toMatchObject({ ok: false, fault: { code: 'NoCertificate' } });
});

test('nothing is waited for any more when the program ends', async () => {
  const [timing, stop] = [new FakeTime(), new AbortController()];
  const source: ServingSource = () => Promise.resolve(fail({ code: 'NoCertificate', message: 'none' }));
  const first = firstServing({ source, timing, trouble: () => {} }, stop.signal);
  await until(() => timing.pauses.length === 1);
  stop.abort();
  expect(await first).toBeUndefined();
});

test('takes up what was rotated, once, and keeps the last through trouble', async () => {
  const [timing, stop] = [new FakeTime(), new AbortController()];
  const answers = [ok(pairs[0]), fail({ code: 'NoCertificate', message: 'gone' }), ok(pairs[1]), ok(pairs[1])];
  let looks = 0;
  const taken: PemPair[] = [];
  const troubles: string[] = [];
  const source: ServingSource = () => Promise.resolve(answers[looks++] ?? ok(pairs[1]));
  const following = followServing(
    { source, timing, trouble: (what) => troubles.push(what) },
    pairs[0],
    (next) => taken.push(next),
    stop.signal,
  );
  await timing.advance(150_000);
  expect(looks).toBe(5);
  expect(taken).toEqual([pairs[1]]);
  expect(troubles).toHaveLength(1);
  stop.abort();
  await following;
});
