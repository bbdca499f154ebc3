import { expect, test } from '@jest/globals';
import { FakeTime, until } from './kube/fixture/fake-time.ts';
import { statusOf } from './kube/fixture/objects.ts';
import { startScriptedServer } from './kube/fixture/scripted-server.ts';
import { clearMark, type LeaderMarkOptions, markLeader } from './leader-mark.ts';

/** The mark of a pod on that server, and what is said of it. */
function markOn(server: Awaited<ReturnType<typeof startScriptedServer>>): {
  readonly options: LeaderMarkOptions;
  readonly time: FakeTime;
  readonly troubles: readonly string[];
} {
  const [time, troubles] = [new FakeTime(), [] as string[]];
  const options = {
    client: server.client(time),
    timing: time,
    namespace: 'ops',
    pod: 'operator-0',
    trouble: (what: string) => troubles.push(what),
  };
  return { options, time, troubles };
}

test('labels the pod while it leads, however often it takes, and takes the label away', async () => {
  await using server = await startScriptedServer();
  const leading = new AbortController();
  const { options, time, troubles } = markOn(server);
  const marked = markLeader(options, leading.signal, new AbortController().signal);
  (await server.next()).answer(503, statusOf(503, 'Busy'));
  await until(() => troubles.length === 1);
  await time.advance(200);
  const set = await server.next();
  expect(set).toMatchObject({ method: 'PATCH', path: '/api/v1/namespaces/ops/pods/operator-0' });
  expect(JSON.parse(set.body)).toEqual({ metadata: { labels: { 'sidegate.dev/leader': 'true' } } });
  set.answer(200, {});
  leading.abort();
  const taken = await server.next();
  expect(JSON.parse(taken.body)).toEqual({ metadata: { labels: { 'sidegate.dev/leader': null } } });
  taken.answer(200, {});
  await marked;
});

test('takes away a mark that is left, however often it takes', async () => {
  await using server = await startScriptedServer();
  const ending = new AbortController();
  const { options, time, troubles } = markOn(server);
  const cleared = clearMark(options, ending.signal);
  for (const count of [1, 2]) {
    const tried = await server.next();
    expect(JSON.parse(tried.body)).toEqual({ metadata: { labels: { 'sidegate.dev/leader': null } } });
    tried.answer(503, statusOf(503, 'Busy'));
    await until(() => troubles.length === count);
    await time.advance(400);
  }
  (await server.next()).answer(404, statusOf(404, 'NotFound'));
  await cleared;
  expect(troubles).toHaveLength(2);
});

test('tries once more when the replica ends, and no more', async () => {
  await using server = await startScriptedServer();
  const ending = new AbortController();
  const { options } = markOn(server);
  const cleared = clearMark(options, ending.signal);
  const first = await server.next();
  ending.abort();
  first.answer(503, statusOf(503, 'Busy'));
  (await server.next()).answer(503, statusOf(503, 'Busy'));
  await cleared;
});
