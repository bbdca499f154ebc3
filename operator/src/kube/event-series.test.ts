import { expect, test } from '@jest/globals';
import { EventSeries, type Occurrence } from './event-series.ts';
import { FakeTime } from './fixture/fake-time.ts';
import { statusOf, thing } from './fixture/objects.ts';
import { type Call, startScriptedServer } from './fixture/scripted-server.ts';

const signal = new AbortController().signal;
const WARNING: Occurrence = {
  about: thing('a', 1),
  type: 'Warning',
  reason: 'NoSecret',
  message: 'There is no Secret.',
};

async function take(next: Promise<Call>, status: number, body: unknown = {}): Promise<Call> {
  const call = await next;
  call.answer(status, body);
  return call;
}

test('an occurrence is an event; the same again, later, a series of it', async () => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const events = new EventSeries(server.client(time), time, 'operator-0');
  const first = events.tell(WARNING, signal);
  const made = await take(server.next(), 201);
  await first;
  expect(made).toMatchObject({ method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/ns/events' });
  expect(JSON.parse(made.body)).toMatchObject({
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'sidegate.dev/operator',
    reportingInstance: 'operator-0',
    type: 'Warning',
    reason: 'NoSecret',
    note: 'There is no Secret.',
    regarding: { apiVersion: 'test.dev/v1', kind: 'Thing', namespace: 'ns', name: 'a', uid: 'uid-a' },
  });
  await events.tell(WARNING, signal);
  await events.tell(WARNING, signal);
  expect(server.arrived).toBe(1);
  await time.advance(60_000);
  const again = events.tell(WARNING, signal);
  const patched = await take(server.next(), 200);
  await again;
  expect(patched).toMatchObject({ method: 'PATCH' });
  expect(JSON.parse(patched.body)).toEqual({
    series: { count: 4, lastObservedTime: '2026-01-01T00:01:00.000000Z' },
  });
});

test.each([
  ['another object', { about: thing('b', 1) }],
  ['the same name made anew', { about: thing('a', 1, 'other') }],
  ['another reason', { reason: 'NoHost' }],
  ['another message', { message: 'There is none.' }],
] as const)('%s is another event', async (_, change) => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const events = new EventSeries(server.client(time), time, 'operator-0');
  const names: unknown[] = [];
  for (const occurrence of [WARNING, { ...WARNING, ...change }]) {
    const told = events.tell(occurrence, signal);
    const { method, body } = await take(server.next(), 201);
    await told;
    expect(method).toBe('POST');
    names.push(JSON.parse(body).metadata.name);
  }
  expect(new Set(names).size).toBe(2);
});

test('an event that a replica before us made goes on as a series', async () => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const told = new EventSeries(server.client(time), time, 'operator-1').tell(WARNING, signal);
  await take(server.next(), 409, statusOf(409, 'AlreadyExists'));
  const patched = await take(server.next(), 200);
  await told;
  expect(JSON.parse(patched.body)).toMatchObject({ series: { count: 2 } });
});

test('an event that expired meanwhile is made again', async () => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const events = new EventSeries(server.client(time), time, 'operator-0');
  const first = events.tell(WARNING, signal);
  await take(server.next(), 201);
  await first;
  await time.advance(7_200_000);
  const again = events.tell(WARNING, signal);
  await take(server.next(), 404, statusOf(404, 'NotFound'));
  expect(await take(server.next(), 201)).toMatchObject({ method: 'POST' });
  await again;
});

test('an event that cannot be written is let go; names and notes keep to the limits of the API', async () => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const events = new EventSeries(server.client(time), time, 'o'.repeat(200));
  const told = events.tell({ ...WARNING, about: thing('n'.repeat(253), 1), message: 'm'.repeat(2_000) }, signal);
  const { body } = await take(server.next(), 503, 'busy');
  await told;
  const event = JSON.parse(body);
  expect([event.metadata.name.length, event.note.length, event.reportingInstance.length]).toEqual([253, 1024, 128]);
});
