import { expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import { Catalogs } from './catalogs.ts';

function countedReading(): { read: () => Promise<{ ok: true; value: number }>; count: () => number } {
  let count = 0;
  return { read: async () => ok(++count), count: () => count };
}

test('sessions share one reading, also while it runs', async () => {
  const catalogs = new Catalogs(() => 0);
  const { read, count } = countedReading();
  const both = await Promise.all([catalogs.read('db', 'Any', read), catalogs.read('db', 'Any', read)]);
  expect(both).toEqual([ok(1), ok(1)]);
  expect(count()).toBe(1);
});

test('a fresh reading is never the one that runs already, and is what the next session gets', async () => {
  const catalogs = new Catalogs(() => 0);
  const { read } = countedReading();
  const [old, fresh] = await Promise.all([catalogs.read('db', 'Any', read), catalogs.read('db', 'Now', read)]);
  expect([old, fresh]).toEqual([ok(1), ok(2)]);
  expect(await catalogs.read('db', 'Any', read)).toEqual(ok(2));
});

test.each<[string, () => Promise<ReturnType<typeof fail<{ code: string; message: string }>>>]>([
  ['fails', async () => fail({ code: 'X', message: 'away' })],
  ['throws', () => Promise.reject(new Error('away'))],
])('a reading that %s is not kept', async (_name, broken) => {
  const catalogs = new Catalogs(() => 0);
  expect(await catalogs.read('db', 'Any', broken)).toMatchObject({ ok: false });
  expect(await catalogs.read('db', 'Any', countedReading().read)).toEqual(ok(1));
});

test('what belongs to a target that moved is forgotten, and nothing else', async () => {
  const catalogs = new Catalogs(() => 0);
  const { read, count } = countedReading();
  await catalogs.read('a one', 'Any', read);
  await catalogs.read('b one', 'Any', read);
  catalogs.forget((key) => key.startsWith('a '));
  await catalogs.read('a one', 'Any', read);
  await catalogs.read('b one', 'Any', read);
  expect(count()).toBe(3);
});

test.each<['Recent' | 'Any', number]>([
  ['Recent', 2_000],
  ['Any', 60_000],
])('%s takes a copy that is younger than %d ms, and no older one', async (age, ageMsMax) => {
  let now = 0;
  const catalogs = new Catalogs(() => now);
  const { read } = countedReading();
  await catalogs.read('db', age, read);
  now = ageMsMax - 1;
  expect(await catalogs.read('db', age, read)).toEqual(ok(1));
  now = ageMsMax;
  expect(await catalogs.read('db', age, read)).toEqual(ok(2));
});

test('sessions that know of a change share the first reading that began after it', async () => {
  const catalogs = new Catalogs(() => 0);
  const { read } = countedReading();
  await catalogs.read('db', 'Any', read, 0);
  const all = (['Now', 'Now', 'Recent', 'Any'] as const).map((age) => catalogs.read('db', age, read, 1));
  expect(await Promise.all(all)).toEqual([ok(2), ok(2), ok(2), ok(2)]);
  expect(await catalogs.read('db', 'Any', read, 2)).toEqual(ok(3));
  // What only one session knows of no other reading has.
  expect(await catalogs.read('db', 'Now', read)).toEqual(ok(4));
});
