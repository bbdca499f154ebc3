import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SessionEvent } from '@sidegate/session';
import { SampleSession } from '../testing/sample-session.ts';
import { record, StoreBench } from '../testing/store-bench.ts';

let bench: StoreBench;

beforeEach(async () => {
  bench = new StoreBench();
  await bench.open();
});
afterEach(() => bench.discard());

/** From now on the index cannot hold commands with the word `poison`. */
async function poisonIndex(): Promise<void> {
  await bench.close();
  const database = new DatabaseSync(join(bench.directory, 'index.sqlite'));
  database.exec(`create trigger poison before insert on commands when new.text like '%poison%'
    begin select raise(abort, 'as told'); end`);
  database.close();
  await bench.open();
}

function poisoned(sessionId: string) {
  const session = new SampleSession(sessionId);
  return { session, chunk: session.chunk(session.opened(), ...session.command(1, 'select poison')) };
}

test('a chunk that the index cannot hold is refused alone, kept and told; those that came with it are stored', async () => {
  await poisonIndex();
  const bad = poisoned('bad');
  const [one, two] = [record('one').whole(), record('two').whole()];
  expect(await bench.offerAll([...one, bad.chunk, ...two])).toEqual([
    ...one.map(() => 'Stored'),
    'Invalid',
    ...two.map(() => 'Stored'),
  ]);
  for (const sessionId of ['one', 'two']) {
    expect(await bench.verify(sessionId)).toMatchObject({ consistent: true, closed: true });
  }
  const [alarm, ...more] = bench.store.alarms.list('', 10);
  expect(more).toEqual([]);
  expect(alarm).toMatchObject({ kind: 'Invalid', sessionId: 'bad', sequence: 1 });
  const kept = readFileSync(join(bench.directory, 'evidence', alarm?.evidence ?? ''));
  expect(Buffer.compare(kept, bad.chunk.bytes)).toBe(0);
  expect(bench.reports).toHaveLength(1);
  // Nothing of it is there, and nothing can follow it.
  expect((await bench.sessionIds()).toSorted()).toEqual(['one', 'two']);
  expect(await bench.offer(bad.session.chunk(bad.session.closed()))).toMatchObject({ kind: 'Gap', lastSequence: 0 });
});

test('what follows such a chunk in its own session is not stored either', async () => {
  await poisonIndex();
  const { session, chunk } = poisoned('bad');
  const next = session.chunk(session.closed());
  expect(await bench.offerAll([chunk, next])).toEqual(['Invalid', 'PushBack']);
  expect(await bench.sessionIds()).toEqual([]);
});

test('a start passes over a chunk on disk that the index cannot hold, and says so once', async () => {
  await poisonIndex();
  const [first, ...rest] = record('good').whole();
  if (first === undefined) throw new Error('a session has a first chunk');
  await bench.offerAll([first, poisoned('bad').chunk, ...rest]);
  await bench.close();
  // As if the process had been killed between the two.
  const database = new DatabaseSync(join(bench.directory, 'index.sqlite'));
  for (const table of ['segments', 'sessions', 'chunks', 'commands', 'alarms']) database.exec(`delete from ${table}`);
  database.close();
  for (let start = 1; start <= 2; start += 1) {
    await bench.reopen();
    expect(await bench.sessionIds()).toEqual(['good']);
    expect(await bench.verify('good')).toMatchObject({ consistent: true, closed: true });
    const evidence = expect.stringMatching(/^invalid-bad-1-/);
    expect(bench.store.alarms.list('', 10)).toMatchObject([{ kind: 'Invalid', sessionId: 'bad', evidence }]);
  }
});

test('what is announced with a number that no session can have is refused alone', async () => {
  const { chunks } = record('good');
  const offers = [
    ...chunks.map((chunk) => bench.offer(chunk)),
    bench.store.intake.offer({
      sessionId: 'bad',
      firstSequence: 2 ** 64,
      lastSequence: 2 ** 64,
      sha256: new Uint8Array(32),
      chunk: new Uint8Array([1, 2, 3]),
    }),
  ];
  expect((await Promise.all(offers)).map(({ kind }) => kind)).toEqual(['Stored', 'Stored', 'Invalid']);
  expect(bench.alarmKinds()).toEqual(['Invalid']);
});

test('figures that are larger than the index can add up stay at the largest', async () => {
  const session = new SampleSession('s');
  const rows = Number.MAX_SAFE_INTEGER;
  const events: SessionEvent[] = [session.opened()];
  for (let id = 1; id <= 1100; id += 1) {
    const [judged, forwarded, , finished] = session.command(id, 'select 1');
    if (judged === undefined || forwarded === undefined || finished?.kind !== 'CommandFinished') throw new Error('no');
    events.push(judged, forwarded, { ...finished, rows });
  }
  expect(await bench.offer(session.chunk(...events))).toMatchObject({ kind: 'Stored' });
  expect(bench.store.query.session('s')).toMatchObject({ rows, commands: 1100 });
});
