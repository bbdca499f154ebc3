import { afterEach, expect, test } from '@jest/globals';
import type { ApiObject } from './api-object.ts';
import { FakeTime, until } from './fixture/fake-time.ts';
import { listOf, statusOf, thing } from './fixture/objects.ts';
import { type Call, type ScriptedServer, startScriptedServer } from './fixture/scripted-server.ts';
import { ReflectorSet } from './reflector-set.ts';

interface Bench {
  readonly server: ScriptedServer;
  readonly set: ReflectorSet<ApiObject>;
  readonly changes: string[];
  readonly synced: string[];
  readonly signal: AbortSignal;
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(): Promise<Bench> {
  const server = await startScriptedServer();
  const time = new FakeTime();
  const changes: string[] = [];
  const synced: string[] = [];
  const stop = new AbortController();
  const set = new ReflectorSet<ApiObject>({
    client: server.client(time),
    timing: time,
    pathIn: (namespace) => `/api/v1/namespaces/${namespace}/things`,
    accept: (object): object is ApiObject => object.metadata.name !== '',
    changed: ({ kind, key }) => changes.push(`${kind} ${key}`),
    trouble: () => {},
    synced: (namespace) => synced.push(namespace),
  });
  ends.push(async () => {
    stop.abort();
    await set.ended();
    await server[Symbol.asyncDispose]();
  });
  return { server, set, changes, synced, signal: stop.signal };
}

const placed = (name: string, namespace: string): ApiObject => {
  const object = thing(name, 1);
  return { ...object, metadata: { ...object.metadata, namespace } };
};

/** Answers lists of the namespaces and leaves their watches open. */
async function serve(
  { server }: Bench,
  lists: Readonly<Record<string, readonly ApiObject[]>>,
): Promise<readonly Call[]> {
  const watches: Call[] = [];
  while (watches.length < Object.keys(lists).length) {
    const call = await server.next();
    const namespace = call.path.split('/')[4] ?? '';
    if (call.query['watch'] === 'true') watches.push(call);
    else call.answer(200, listOf(1, lists[namespace] ?? []));
  }
  return watches;
}

test('reads the namespaces that it follows, and no others', async () => {
  const bench = await start();
  bench.set.follow(new Set(['one', 'two']), bench.signal);
  expect(bench.set.in('one')).toBeUndefined();
  const watches = await serve(bench, { one: [placed('a', 'one')], two: [] });
  expect(watches.map(({ path }) => path).toSorted()).toEqual([
    '/api/v1/namespaces/one/things',
    '/api/v1/namespaces/two/things',
  ]);
  await until(() => bench.synced.length === 2, 'both');
  expect(bench.set.in('one')?.size).toBe(1);
  expect(bench.set.in('two')?.size).toBe(0);
  expect(bench.set.in('three')).toBeUndefined();
});

test('what is no longer followed is forgotten and told as deleted; the others go on', async () => {
  const bench = await start();
  bench.set.follow(new Set(['one', 'two']), bench.signal);
  await serve(bench, { one: [placed('a', 'one')], two: [placed('b', 'two')] });
  await until(() => bench.synced.length === 2, 'both');
  bench.set.follow(new Set(['two']), bench.signal);
  expect(bench.changes.toSorted()).toEqual(['Added one/a', 'Added two/b', 'Deleted one/a']);
  expect(bench.set.in('one')).toBeUndefined();
  bench.set.follow(new Set(['two', 'one']), bench.signal);
  await serve(bench, { one: [placed('a', 'one')] });
  await until(() => bench.synced.length === 3, 'the first again');
  expect(bench.changes.filter((change) => change.endsWith('two/b'))).toHaveLength(1);
});

test('a namespace that may not be read is not known, and keeps no other from being read', async () => {
  const bench = await start();
  bench.set.follow(new Set(['one', 'two']), bench.signal);
  for (let calls = 0; calls < 3; calls += 1) {
    const call = await bench.server.next();
    if (call.path.includes('/one/')) call.answer(403, statusOf(403, 'Forbidden'));
    else if (call.query['watch'] === undefined) call.answer(200, listOf(1, []));
  }
  await until(() => bench.synced.length === 1, 'the second');
  expect(bench.set.in('one')).toBeUndefined();
  expect(bench.set.in('two')).toBeDefined();
});
