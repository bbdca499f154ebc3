import { expect, test } from '@jest/globals';
import { FakeTime } from './kube/fixture/fake-time.ts';
import { statusOf } from './kube/fixture/objects.ts';
import { type ScriptedServer, startScriptedServer } from './kube/fixture/scripted-server.ts';
import { readMaskKey } from './mask-key.ts';

const signal = new AbortController().signal;
const KEY = 'ab'.repeat(32);
const holding = (key: string): object => ({ kind: 'Secret', data: { key: Buffer.from(key).toString('base64') } });

const ask = (server: ScriptedServer): ReturnType<typeof readMaskKey> =>
  readMaskKey(server.client(new FakeTime()), 'ops', (bytes) => new Uint8Array(bytes).fill(0xab), signal);

test.each([
  [KEY, true],
  [`${KEY.toUpperCase()}\n`, true],
  [KEY.slice(2), false],
  [`${KEY}00`, false],
  ['', false],
])('a Secret that holds %s', async (text, good) => {
  await using server = await startScriptedServer();
  const asked = ask(server);
  const call = await server.next();
  expect(call.path).toBe('/api/v1/namespaces/ops/secrets/sidegate-mask-key');
  call.answer(200, holding(text));
  expect(await asked).toMatchObject(good ? { ok: true, value: KEY } : { ok: false, fault: { code: 'NoMaskKey' } });
});

test('makes the key when there is none, and takes that of a replica that was faster', async () => {
  for (const faster of [false, true]) {
    await using server = await startScriptedServer();
    const asked = ask(server);
    (await server.next()).answer(404, statusOf(404, 'NotFound'));
    const made = await server.next();
    const body: unknown = JSON.parse(made.body);
    expect(body).toMatchObject({ metadata: { name: 'sidegate-mask-key', namespace: 'ops' }, ...holding(KEY) });
    if (faster) {
      made.answer(409, statusOf(409, 'AlreadyExists'));
      (await server.next()).answer(200, holding('cd'.repeat(32)));
    } else made.answer(201, body);
    expect(await asked).toEqual({ ok: true, value: faster ? 'cd'.repeat(32) : KEY });
  }
});

test('an API server that does not answer is no reason to make another key', async () => {
  await using server = await startScriptedServer();
  const asked = ask(server);
  (await server.next()).answer(503, statusOf(503, 'Busy'));
  expect(await asked).toMatchObject({ ok: false, fault: { code: 'NoMaskKey' } });
  expect(server.arrived).toBe(1);
});
