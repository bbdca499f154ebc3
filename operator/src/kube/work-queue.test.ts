import { afterEach, expect, test } from '@jest/globals';
import { FakeTime, settle } from './fixture/fake-time.ts';
import { type Outcome, WorkQueue } from './work-queue.ts';

interface Bench {
  readonly time: FakeTime;
  readonly queue: WorkQueue;
  /** Each time that work began: the key, and when. */
  readonly begun: string[];
  readonly troubles: string[];
  /** Ends the oldest work under way on a key. */
  readonly end: (key: string, outcome: Outcome | Error) => Promise<void>;
  readonly signal: AbortSignal;
  readonly stop: () => Promise<void>;
}

const DONE: Outcome = { kind: 'Done' };
const again = (afterMs?: number): Outcome => ({
  kind: 'Again',
  why: 'x',
  ...(afterMs === undefined ? {} : { afterMs }),
});
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function start(workers = 1): Bench {
  const time = new FakeTime();
  const begun: string[] = [];
  const troubles: string[] = [];
  const underWay: { key: string; settle: (outcome: Outcome | Error) => void }[] = [];
  const stop = new AbortController();
  const queue = new WorkQueue({
    timing: time,
    workers,
    work: (key) => {
      begun.push(`${key}@${time.monotonicMs()}`);
      return new Promise((resolve, reject) => {
        underWay.push({ key, settle: (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)) });
      });
    },
    trouble: (what) => troubles.push(what),
  });
  const running = queue.run(stop.signal);
  const bench: Bench = {
    time,
    queue,
    begun,
    troubles,
    signal: stop.signal,
    async end(key, outcome) {
      const index = underWay.findIndex((one) => one.key === key);
      underWay.splice(index, 1)[0]?.settle(outcome);
      await settle();
    },
    async stop() {
      stop.abort();
      for (const one of underWay.splice(0)) one.settle(DONE);
      await running;
    },
  };
  ends.push(bench.stop);
  return bench;
}

test('a key that waits is worked on once, in the order of arrival', async () => {
  const { queue, begun, end } = start();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  await settle();
  await end('a', DONE);
  await end('b', DONE);
  await end('c', DONE);
  expect(begun).toEqual(['a@0', 'b@0', 'c@0']);
  expect(queue.length).toBe(0);
});

test('a key that is added while it is worked on is worked on once more, and never by two', async () => {
  const { queue, begun, end } = start(3);
  queue.add('a');
  await settle();
  queue.add('a');
  queue.add('a');
  await settle();
  expect(begun).toEqual(['a@0']);
  await end('a', DONE);
  expect(begun).toEqual(['a@0', 'a@0']);
  await end('a', DONE);
  expect(begun).toHaveLength(2);
});

test('workers work side by side on different keys', async () => {
  const { queue, begun } = start(2);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await settle();
  expect(begun).toEqual(['a@0', 'b@0']);
});

test('waits grow with each failure up to the most, and are forgotten after a success', async () => {
  const { queue, begun, end, time } = start();
  queue.add('a');
  await settle();
  for (let failure = 0; failure < 12; failure += 1) {
    await end('a', again());
    await time.advance(60_000);
  }
  const moments = begun.map((text) => Number(text.split('@')[1]));
  const gaps = moments.slice(1).map((moment, index) => moment - (index === 0 ? 0 : 60_000 * index));
  expect(gaps).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  await end('a', DONE);
  queue.add('a');
  await settle();
  await end('a', again());
  await time.advance(100);
  expect(begun).toHaveLength(15);
});

test('work that throws is reported and comes back', async () => {
  const { end, begun, queue, time, troubles } = start();
  queue.add('a');
  await settle();
  await end('a', new Error('no'));
  await time.advance(100);
  expect(begun).toEqual(['a@0', 'a@100']);
  expect(troubles).toEqual(['a could not be worked on: no']);
});

test('a failure and a new addition are one more try, not two', async () => {
  const { queue, begun, end, time } = start();
  queue.add('a');
  await settle();
  queue.add('a');
  await end('a', again());
  expect(begun).toEqual(['a@0', 'a@0']);
  await end('a', DONE);
  await time.advance(3_600_000);
  expect(begun).toHaveLength(2);
});

test('of many appointments of one key the earliest stands, and an addition takes their place', async () => {
  const { queue, begun, end, time, signal } = start();
  queue.addAfter('a', 5_000, signal);
  queue.addAfter('a', 3_000, signal);
  queue.addAfter('a', 9_000, signal);
  expect(time.pauses).toEqual([3_000]);
  await time.advance(3_000);
  await end('a', DONE);
  queue.addAfter('a', 1_000, signal);
  queue.add('a');
  await settle();
  await end('a', again(2_000));
  await time.advance(60_000);
  expect(begun).toEqual(['a@3000', 'a@3000', 'a@5000']);
});

test('ends when it is stopped: what was begun ends, what waits is not begun', async () => {
  const { queue, begun, stop, time, signal } = start();
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1, signal);
  await settle();
  await stop();
  await time.advance(10);
  expect(begun).toEqual(['a@0']);
  expect(time.pauses).toEqual([]);
});
