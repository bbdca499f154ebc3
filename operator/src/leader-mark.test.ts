import { expect, test } from '@jest/globals';
import { FakeTime, until } from './kube/fixture/fake-time.ts';
import { statusOf } from './kube/fixture/objects.ts';
import { startScriptedServer } from './kube/fixture/scripted-server.ts';
import { markLeader } from './leader-mark.ts';

test('labels the pod while it leads, however often it takes, and takes the label away', async () => {
  await using server = await startScriptedServer();
  const time = new FakeTime();
  const troubles: string[] = [];
  const leading = new AbortController();
  const options = {
    client: server.client(time),
    timing: time,
    namespace: 'ops',
    pod: 'operator-0',
    trouble: (what: string) => troubles.push(what),
  };
  const marked = markLeader(options, leading.signal);
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
