import { expect, test } from '@jest/globals';
import { targetObject } from '../fixture/resources.ts';
import type { ApiObject } from '../kube/api-object.ts';
import type { Verdict } from '../kube/conditions.ts';
import { EventSeries } from '../kube/event-series.ts';
import { FakeTime } from '../kube/fixture/fake-time.ts';
import { statusOf } from '../kube/fixture/objects.ts';
import { type ScriptedServer, startScriptedServer } from '../kube/fixture/scripted-server.ts';
import { type Finding, StatusController } from './status-controller.ts';

const signal = new AbortController().signal;
const READY: Verdict = { type: 'Ready', status: 'True', reason: 'Ready', message: 'Fine.' };
const BROKEN: Verdict = { type: 'Ready', status: 'False', reason: 'SecretNotFound', message: 'None.' };

function withStatus(verdict: Verdict, generation = 1): ApiObject {
  const conditions = [{ ...verdict, observedGeneration: generation, lastTransitionTime: '2025-01-01T00:00:00Z' }];
  return { ...targetObject(), status: { observedGeneration: generation, conditions, gates: 1 } };
}

function start(server: ScriptedServer, finding: Finding | undefined): StatusController {
  const time = new FakeTime();
  const client = server.client(time);
  return new StatusController({
    client,
    timing: time,
    events: new EventSeries(client, time, 'operator-0'),
    judges: [{ kind: 'Target', plural: 'targets', keys: () => ['data/orders-db'], judge: () => finding }],
  });
}

test('writes what is new by server-side apply, for this very object, and tells it', async () => {
  await using server = await startScriptedServer();
  const object = withStatus(READY);
  const controller = start(server, { object, generation: 2, verdicts: [BROKEN], counts: { gates: 3 } });
  expect(controller.keys()).toEqual(['Target data/orders-db']);
  const working = controller.work('Target data/orders-db', signal);
  const written = await server.next();
  expect(written).toMatchObject({
    method: 'PATCH',
    path: '/apis/sidegate.dev/v1alpha1/namespaces/data/targets/orders-db/status',
    query: { fieldManager: 'sidegate-operator', force: 'true' },
  });
  expect(JSON.parse(written.body)).toEqual({
    apiVersion: 'sidegate.dev/v1alpha1',
    kind: 'Target',
    metadata: { name: 'orders-db', namespace: 'data', uid: object.metadata.uid },
    status: {
      observedGeneration: 2,
      conditions: [{ ...BROKEN, observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' }],
      gates: 3,
    },
  });
  written.answer(200, {});
  const event = await server.next();
  expect(JSON.parse(event.body)).toMatchObject({ type: 'Warning', reason: 'SecretNotFound', note: 'None.' });
  event.answer(201, {});
  expect(await working).toEqual({ kind: 'Done' });
});

test.each([
  ['nothing is new', { verdicts: [READY], generation: 1, counts: { gates: 1 } }, 0],
  ['the message is new', { verdicts: [{ ...READY, message: 'Finer.' }], generation: 1, counts: { gates: 1 } }, 1],
  ['a count is new', { verdicts: [READY], generation: 1, counts: { gates: 2 } }, 1],
  ['the generation is new', { verdicts: [READY], generation: 2, counts: { gates: 1 } }, 1],
] as const)('when %s', async (_, finding, writes) => {
  await using server = await startScriptedServer();
  const working = start(server, { object: withStatus(READY), ...finding }).work('Target data/orders-db', signal);
  if (writes > 0) (await server.next()).answer(200, {});
  expect(await working).toEqual({ kind: 'Done' });
  expect(server.arrived).toBe(writes);
});

test('what comes and goes as pods do is no event', async () => {
  await using server = await startScriptedServer();
  const pending = { ...BROKEN, reason: 'Pending' };
  const working = start(server, { object: withStatus(READY), generation: 1, verdicts: [pending] }).work(
    'Target data/orders-db',
    signal,
  );
  (await server.next()).answer(200, {});
  await working;
  expect(server.arrived).toBe(1);
});

test.each([
  ['is gone', 404, 'NotFound', { kind: 'Done' }],
  ['was made anew', 409, 'Conflict', { kind: 'Done' }],
  ['cannot be written now', 503, 'ServiceUnavailable', { kind: 'Again', why: 'ServiceUnavailable, said the server.' }],
] as const)('an object that %s', async (_, status, reason, expected) => {
  await using server = await startScriptedServer();
  const working = start(server, { object: targetObject(), generation: 1, verdicts: [READY] }).work(
    'Target data/orders-db',
    signal,
  );
  (await server.next()).answer(status, statusOf(status, reason));
  expect(await working).toEqual(expected);
  expect(server.arrived).toBe(1);
});

test('a wait that the server asks for is kept', async () => {
  await using server = await startScriptedServer();
  const working = start(server, { object: targetObject(), generation: 1, verdicts: [READY] }).work(
    'Target data/orders-db',
    signal,
  );
  (await server.next()).answer(429, statusOf(429, 'TooManyRequests'), { 'retry-after': '3' });
  expect(await working).toMatchObject({ kind: 'Again', afterMs: 3_000 });
});

test('an object that is not there any more is no work', async () => {
  await using server = await startScriptedServer();
  expect(await start(server, undefined).work('Target data/orders-db', signal)).toEqual({ kind: 'Done' });
  expect(server.arrived).toBe(0);
});
