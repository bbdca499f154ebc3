import { afterEach, expect, test } from '@jest/globals';
import type { ApiObject } from './api-object.ts';
import { FakeTime, settle, until } from './fixture/fake-time.ts';
import { listOf, statusOf, thing } from './fixture/objects.ts';
import { type Call, type ScriptedServer, startScriptedServer } from './fixture/scripted-server.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

const PATH = '/apis/test.dev/v1/things';

interface Bench {
  readonly server: ScriptedServer;
  readonly time: FakeTime;
  readonly reflector: Reflector<ApiObject>;
  readonly changes: string[];
  readonly troubles: string[];
}

const benches: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of benches.splice(0)) await end();
});

async function start(options: Partial<ReflectorOptions<ApiObject>> = {}): Promise<Bench> {
  const server = await startScriptedServer();
  const time = new FakeTime();
  const changes: string[] = [];
  const troubles: string[] = [];
  const stop = new AbortController();
  const reflector = new Reflector<ApiObject>({
    client: server.client(time),
    timing: time,
    path: PATH,
    accept: (object): object is ApiObject => object['kind'] === 'Thing',
    changed: (change) => {
      const object = change.kind === 'Deleted' ? change.before : change.object;
      changes.push(`${change.kind} ${change.key} ${object.metadata.uid} ${object.metadata.resourceVersion}`);
    },
    trouble: (what) => troubles.push(what),
    ...options,
  });
  const running = reflector.run(stop.signal);
  benches.push(async () => {
    stop.abort();
    await running;
    await server[Symbol.asyncDispose]();
  });
  return { server, time, reflector, changes, troubles };
}

/** The next call, which must be a list (or a watch from a version). */
async function nextList({ server }: Bench): Promise<Call> {
  const call = await server.next();
  expect(call).toMatchObject({ method: 'GET', path: PATH });
  expect(call.query['watch']).toBeUndefined();
  return call;
}

async function nextWatch({ server }: Bench, version: string): Promise<Call> {
  const call = await server.next();
  expect(call.query).toMatchObject({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: version });
  return call;
}

const event = (type: string, object: unknown): object => ({ type, object });
const bookmark = (version: string): object =>
  event('BOOKMARK', { kind: 'Thing', metadata: { resourceVersion: version } });

/** Waits until the reflector stands back after a failure, and lets that time pass. */
async function passBackOff({ time, troubles }: Bench, ms: number, count = 1): Promise<void> {
  await until(() => troubles.length >= count, `trouble ${count}`);
  await time.advance(ms);
}

test('lists page by page, then watches from the version of the list', async () => {
  const bench = await start({ pageObjects: 2 });
  const first = await nextList(bench);
  expect(first.query).toEqual({ limit: '2' });
  first.answer(200, listOf(7, [thing('a', 1), thing('b', 2)], 'more'));
  const second = await nextList(bench);
  expect(second.query).toEqual({ limit: '2', continue: 'more' });
  expect(bench.reflector.isSynced).toBe(false);
  second.answer(200, listOf(7, [thing('c', 3)]));
  await bench.reflector.hasSynced;
  const watch = await nextWatch(bench, '7');
  expect(bench.changes).toEqual(['Added ns/a uid-a 1', 'Added ns/b uid-b 2', 'Added ns/c uid-c 3']);
  expect(bench.reflector.index.get('ns/a')).toMatchObject({ apiVersion: 'test.dev/v1', kind: 'Thing' });
  watch.send(event('MODIFIED', thing('a', 8)));
  watch.send(event('DELETED', thing('b', 9)));
  await until(() => bench.changes.length === 5);
  expect(bench.changes.slice(3)).toEqual(['Updated ns/a uid-a 8', 'Deleted ns/b uid-b 2']);
});

test('a page that is slow to come is waited for', async () => {
  const bench = await start();
  const call = await nextList(bench);
  const text = JSON.stringify(listOf(1, [thing('a', 1)]));
  call.response.writeHead(200);
  for (const character of text.slice(0, 20).split('')) {
    const before = bench.time.looks;
    call.response.write(character);
    await until(() => bench.time.looks > before);
    await bench.time.advance(20_000);
  }
  call.response.end(text.slice(20));
  await bench.reflector.hasSynced;
  expect(bench.troubles).toEqual([]);
});

test('a list that never answers is given up and asked for again', async () => {
  const bench = await start();
  await nextList(bench);
  await bench.time.advance(30_000);
  await passBackOff(bench, 30_000);
  (await nextList(bench)).answer(200, listOf(1, []));
  await bench.reflector.hasSynced;
  expect(bench.troubles[0]).toMatch(/silent for 30 s/);
});

test.each([
  ['429 with Retry-After', 429, { 'retry-after': '7' }, statusOf(429, 'TooManyRequests'), 7_000],
  ['429 with details', 429, {}, statusOf(429, 'TooManyRequests', 9), 9_000],
  ['503 without a reason', 503, {}, 'upstream is away', 500],
  ['a waiting time that is no number', 429, { 'retry-after': 'soon' }, 'x', 500],
] as const)('%s is waited out, no shorter and no longer', async (_, status, headers, body, waitMs) => {
  const bench = await start();
  (await nextList(bench)).answer(status, body, headers);
  await until(() => bench.troubles.length === 1);
  await bench.time.advance(waitMs - 1);
  expect(bench.server.arrived).toBe(1);
  await bench.time.advance(1);
  (await nextList(bench)).answer(200, listOf(1, []));
  await bench.reflector.hasSynced;
});

test('an absurd waiting time is cut to five minutes', async () => {
  const bench = await start();
  (await nextList(bench)).answer(503, 'x', { 'retry-after': '99999999999' });
  await passBackOff(bench, 300_000);
  (await nextList(bench)).answer(200, listOf(1, []));
  await bench.reflector.hasSynced;
});

test('a continuation that expired is replaced by one whole list', async () => {
  const bench = await start({ pageObjects: 1 });
  (await nextList(bench)).answer(200, listOf(1, [thing('a', 1)], 'more'));
  (await nextList(bench)).answer(410, statusOf(410, 'Expired'));
  const whole = await nextList(bench);
  expect(whole.query).toEqual({});
  whole.answer(200, listOf(5, [thing('b', 4)]));
  await nextWatch(bench, '5');
  expect(bench.changes).toEqual(['Added ns/b uid-b 4']);
});

test('a page that is too large is asked for in halves', async () => {
  const bench = await start({ pageObjects: 4 });
  const stop = new AbortController();
  const time = new FakeTime();
  const small = new Reflector<ApiObject>({
    client: bench.server.client(time, { answerBytesMax: 300 }),
    timing: time,
    path: PATH,
    accept: (object): object is ApiObject => object.metadata.name !== '',
    changed: () => {},
    trouble: () => {},
    pageObjects: 4,
  });
  (await nextList(bench)).answer(200, listOf(1, []));
  await nextWatch(bench, '1');
  const running = small.run(stop.signal);
  const things = ['a', 'b', 'c', 'd'].map((name, index) => thing(name, index + 1));
  (await nextList(bench)).answer(200, listOf(4, things));
  const half = await nextList(bench);
  expect(half.query).toEqual({ limit: '2' });
  half.answer(200, listOf(4, things.slice(0, 2), 'more'));
  (await nextList(bench)).answer(200, listOf(4, things.slice(2)));
  await small.hasSynced;
  expect(small.index.size).toBe(4);
  stop.abort();
  await running;
});

test('ERROR 410 lists anew at once, and what is gone is told', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(3, [thing('a', 1), thing('b', 2)]));
  const watch = await nextWatch(bench, '3');
  watch.send(event('MODIFIED', thing('a', 4)));
  watch.send(event('ERROR', statusOf(410, 'Expired')));
  (await nextList(bench)).answer(200, listOf(9, [thing('a', 4)]));
  await nextWatch(bench, '9');
  expect(bench.changes.slice(2)).toEqual(['Updated ns/a uid-a 4', 'Deleted ns/b uid-b 2']);
  expect(bench.troubles).toEqual([]);
});

test('a server that calls every version too old is not asked in a tight loop', async () => {
  const bench = await start();
  for (const [round, waitMs] of [500, 1_000, 2_000].entries()) {
    (await nextList(bench)).answer(200, listOf(round, []));
    (await nextWatch(bench, String(round))).answer(410, statusOf(410, 'Expired'));
    await until(() => bench.troubles.length === round + 1);
    await bench.time.advance(waitMs - 1);
    expect(bench.server.arrived).toBe(2 * (round + 1));
    await bench.time.advance(1);
  }
  await nextList(bench);
});

test('a server that ends each watch at once is not asked in a tight loop', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  (await nextWatch(bench, '1')).answer(200, '');
  await until(() => bench.troubles.length === 1);
  await bench.time.advance(499);
  expect(bench.server.arrived).toBe(2);
  await bench.time.advance(1);
  await nextWatch(bench, '1');
});

test('ERROR 500 in a watch: stands back, then lists', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  (await nextWatch(bench, '1')).send(event('ERROR', statusOf(500, 'InternalError')));
  await passBackOff(bench, 500);
  (await nextList(bench)).answer(200, listOf(2, [thing('a', 2)]));
  await nextWatch(bench, '2');
  expect(bench.changes).toEqual(['Added ns/a uid-a 2']);
});

test.each([
  ['no JSON', 'what?\n'],
  ['an event without an object', '{"type":"ADDED"}\n'],
  ['an object without a name', '{"type":"ADDED","object":{"kind":"Thing","metadata":{}}}\n'],
  ['an unknown type', '{"type":"RENAMED","object":{}}\n'],
])('%s in a watch loses nothing: it stands back and reads again', async (_, line) => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  const watch = await nextWatch(bench, '1');
  watch.response.writeHead(200);
  watch.response.write(line);
  await passBackOff(bench, 500);
  const again = await bench.server.next();
  if (again.query['watch'] === 'true') {
    expect(again.query['resourceVersion']).toBe('1');
    return;
  }
  again.answer(200, listOf(2, [thing('a', 2)]));
  await until(() => bench.changes.length === 1);
});

test('a connection reset inside an event goes on from the version before it', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  const watch = await nextWatch(bench, '1');
  watch.send(event('ADDED', thing('a', 2)));
  watch.send(bookmark('5'));
  watch.response.write('{"type":"ADDED","object":{"kind":"Thing","metadata":{"name":"b"');
  await until(() => bench.changes.length === 1);
  watch.reset();
  await passBackOff(bench, 500);
  const again = await nextWatch(bench, '5');
  again.send(event('ADDED', thing('b', 6)));
  await until(() => bench.changes.length === 2);
});

test('an event split at every byte is one event', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  const watch = await nextWatch(bench, '1');
  watch.response.writeHead(200);
  const line = `${JSON.stringify(event('ADDED', { ...thing('a', 2), note: 'Grüße – 漢字' }))}\n\n`;
  for (const byte of Buffer.from(line)) watch.response.write(Buffer.of(byte));
  await until(() => bench.changes.length === 1);
  expect(bench.reflector.index.get('ns/a')).toMatchObject({ note: 'Grüße – 漢字' });
});

test('a silent watch is cut; a bookmark is a sign of life and moves the version', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  const watch = await nextWatch(bench, '1');
  watch.send(event('ADDED', thing('a', 2)));
  await until(() => bench.changes.length === 1);
  await bench.time.advance(60_000);
  watch.send(bookmark('40'));
  watch.send(event('ADDED', thing('b', 41)));
  await until(() => bench.changes.length === 2);
  await bench.time.advance(89_999);
  expect(bench.server.arrived).toBe(2);
  await bench.time.advance(1);
  await passBackOff(bench, 500);
  await nextWatch(bench, '41');
  expect(bench.troubles[0]).toMatch(/silent for 90 s/);
});

test('a watch whose head never comes is cut too', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, []));
  await nextWatch(bench, '1');
  await bench.time.advance(30_000);
  await passBackOff(bench, 30_000);
  await nextWatch(bench, '1');
});

test('everything is listed anew now and then, and a lost deletion comes to light', async () => {
  const bench = await start({ relistMs: 60_000 });
  (await nextList(bench)).answer(200, listOf(2, [thing('a', 1), thing('b', 2)]));
  (await nextWatch(bench, '2')).send(bookmark('3'));
  await settle();
  await bench.time.advance(60_000);
  (await nextList(bench)).answer(200, listOf(9, [thing('b', 2)]));
  await nextWatch(bench, '9');
  expect(bench.changes.slice(2)).toEqual(['Deleted ns/a uid-a 1']);
  expect(bench.troubles).toEqual([]);
});

test('a name that was deleted and made again is two changes, also when only a list shows it', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, [thing('a', 1, 'one')]));
  const watch = await nextWatch(bench, '1');
  watch.send(event('MODIFIED', thing('a', 5, 'two')));
  watch.send(event('DELETED', thing('a', 3, 'one')));
  watch.send(event('ERROR', statusOf(410, 'Expired')));
  (await nextList(bench)).answer(200, listOf(9, [thing('a', 8, 'three')]));
  await nextWatch(bench, '9');
  expect(bench.changes).toEqual([
    'Added ns/a one 1',
    'Deleted ns/a one 1',
    'Added ns/a two 5',
    'Deleted ns/a two 5',
    'Added ns/a three 8',
  ]);
});

test('an object that is no longer accepted leaves the index', async () => {
  const bench = await start();
  (await nextList(bench)).answer(200, listOf(1, [thing('a', 1)]));
  const watch = await nextWatch(bench, '1');
  watch.send(event('MODIFIED', { ...thing('a', 2), kind: 'Other' }));
  await until(() => bench.changes.length === 2);
  expect(bench.changes[1]).toBe('Deleted ns/a uid-a 1');
});

test('a handler that throws is reported and stops nothing', async () => {
  let calls = 0;
  const bench = await start({
    changed: () => {
      calls += 1;
      throw new Error('no');
    },
  });
  (await nextList(bench)).answer(200, listOf(1, [thing('a', 1), thing('b', 1)]));
  const watch = await nextWatch(bench, '1');
  watch.send(event('MODIFIED', thing('a', 2)));
  await until(() => calls === 3);
  expect(bench.troubles).toEqual(['a', 'b', 'a'].map((name) => `A change of ns/${name} could not be handled: no`));
  expect(bench.reflector.index.get('ns/a')?.metadata.resourceVersion).toBe('2');
});
