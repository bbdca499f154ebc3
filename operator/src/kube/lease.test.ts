import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FakeTime, settle } from './fixture/fake-time.ts';
import { type Fare, LeaseStore, SMOOTH } from './fixture/lease-store.ts';
import { LeaderElection } from './lease.ts';
import type { Timing } from './timing.ts';

interface Replica {
  readonly name: string;
  /** True from the moment that `lead` began until its signal aborted. */
  leading: boolean;
  /** How its next requests fare. */
  fare: () => Fare;
  /** How often it began to lead. */
  terms: number;
  readonly troubles: string[];
  stop(): Promise<void>;
  /** Gone without a word. */
  die(): void;
}

interface Group {
  readonly time: FakeTime;
  readonly store: LeaseStore;
  readonly leaders: () => readonly string[];
  readonly join: (
    name: string,
    skew?: { wallMs?: number; monotonicMs?: number },
    lead?: () => Promise<void>,
  ) => Replica;
}

function startGroup(): Group {
  const time = new FakeTime();
  const store = new LeaseStore();
  const replicas: Replica[] = [];
  return {
    time,
    store,
    leaders: () => replicas.filter(({ leading }) => leading).map(({ name }) => name),
    join(name, { wallMs = 0, monotonicMs = 0 } = {}, lead) {
      const timing: Timing = {
        nowMs: () => time.nowMs() + wallMs,
        monotonicMs: () => time.monotonicMs() + monotonicMs,
        random: () => time.random(),
        pause: (ms, signal) => time.pause(ms, signal),
      };
      const stop = new AbortController();
      let dead = false;
      const replica: Replica = {
        name,
        leading: false,
        fare: () => SMOOTH,
        terms: 0,
        troubles: [],
        async stop() {
          stop.abort();
          while (!progress.ended) await time.advance(100);
          await running;
        },
        die() {
          dead = true;
          replica.leading = false;
        },
      };
      const client = store.client(timing, () => (dead ? { thereMs: 0, backMs: 0, fate: 'LostThere' } : replica.fare()));
      const election = new LeaderElection({
        client,
        timing,
        namespace: 'sidegate',
        name: 'operator',
        identity: name,
        trouble: (what) => replica.troubles.push(what),
      });
      const follow = (signal: AbortSignal): Promise<void> =>
        new Promise((resolve) => {
          const end = (): void => {
            replica.leading = false;
            resolve();
          };
          if (dead || signal.aborted) return end();
          replica.leading = true;
          replica.terms += 1;
          signal.addEventListener('abort', end);
        });
      const progress = { ended: false };
      const running = election.run(lead ?? follow, stop.signal).then(() => {
        progress.ended = true;
      });
      replicas.push(replica);
      return replica;
    },
  };
}

test('one of two leads, and keeps leading', async () => {
  const { time, join, leaders, store } = startGroup();
  const a = join('a');
  await settle();
  const b = join('b');
  await time.advance(600_000);
  expect(leaders()).toEqual(['a']);
  expect([a.terms, b.terms]).toEqual([1, 0]);
  expect(store.holders).toEqual(['a']);
});

test('a holder that dies is followed after the lease time, not before', async () => {
  const { time, join, leaders } = startGroup();
  const a = join('a');
  await time.advance(100);
  join('b');
  await time.advance(60_000);
  a.die();
  await time.advance(12_000);
  expect(leaders()).toEqual([]);
  await time.advance(9_000);
  expect(leaders()).toEqual(['b']);
});

test('a holder that ends in peace is followed at the next look', async () => {
  const { time, join, leaders, store } = startGroup();
  const a = join('a');
  await time.advance(100);
  join('b');
  await time.advance(60_000);
  await a.stop();
  await time.advance(3_600);
  expect(leaders()).toEqual(['b']);
  expect(store.holders).toEqual(['a', '', 'b']);
});

test.each([
  ['requests fail', { thereMs: 1, backMs: 1, fate: 'Busy' }],
  ['requests hang', { thereMs: 1, backMs: 1, fate: 'Hangs' }],
  ['answers are lost', { thereMs: 1, backMs: 1, fate: 'LostBack' }],
] as const)('a leader whose %s steps down before anybody may follow', async (_, fare) => {
  const { time, join, leaders } = startGroup();
  const a = join('a');
  await time.advance(100);
  join('b');
  await time.advance(60_000);
  const renewals = a.fare;
  a.fare = () => fare;
  await time.advance(7_000);
  expect(leaders()).toEqual(['a']);
  await time.advance(3_000);
  expect(leaders()).toEqual([]);
  a.fare = renewals;
});

test('a first answer that came late counts from when it was asked for', async () => {
  const { time, join, leaders } = startGroup();
  const a = join('a');
  let requests = 0;
  a.fare = () => {
    requests += 1;
    return requests === 2
      ? { thereMs: 1, backMs: 9_000, fate: 'Answered' }
      : { ...SMOOTH, fate: requests > 2 ? 'Busy' : 'Answered' };
  };
  await time.advance(9_100);
  expect(leaders()).toEqual(['a']);
  await time.advance(1_000);
  expect(leaders()).toEqual([]);
});

test.each([-3_600_000, 3_600_000])('a wall clock that is off by %d ms changes nothing', async (wallMs) => {
  const { time, join, leaders, store } = startGroup();
  join('a');
  await time.advance(100);
  join('b', { wallMs, monotonicMs: 5_000_000 });
  await time.advance(600_000);
  expect(leaders()).toEqual(['a']);
  expect(store.holders).toEqual(['a']);
});

test('a wall clock that is set back does not keep a cut-off leader in office', async () => {
  const { time, join, leaders } = startGroup();
  const a = join('a');
  await time.advance(60_000);
  a.fare = () => ({ ...SMOOTH, fate: 'Busy' });
  time.wallMs -= 3_600_000;
  await time.advance(10_100);
  expect(leaders()).toEqual([]);
});

test('a leader that finds another name in the lease steps down at once', async () => {
  const { time, join, leaders, store } = startGroup();
  join('a');
  await time.advance(60_000);
  store.lease = { metadata: { resourceVersion: '900' }, spec: { holderIdentity: 'somebody' } };
  await time.advance(2_100);
  expect(leaders()).toEqual([]);
});

test('a leader whose work ends or throws does not lead again in a tight loop', async () => {
  for (const lead of [() => Promise.resolve(), () => Promise.reject(new Error('no'))]) {
    const { time, join, store } = startGroup();
    let terms = 0;
    join('a', {}, () => {
      terms += 1;
      return lead();
    });
    await time.advance(30_000);
    expect(terms).toBeGreaterThan(5);
    expect(terms).toBeLessThan(12);
    expect(store.holders).toEqual(['a']);
  }
});

const FARE = fc.record({
  thereMs: fc.integer({ min: 0, max: 12_000 }),
  backMs: fc.integer({ min: 0, max: 12_000 }),
  fate: fc.constantFrom('Answered', 'Answered', 'Answered', 'LostThere', 'LostBack', 'Hangs', 'Busy'),
}) satisfies fc.Arbitrary<Fare>;

const STEP = fc.record({
  replica: fc.integer({ min: 0, max: 2 }),
  act: fc.constantFrom('Fares', 'Fares', 'Smooth', 'Die', 'SetClock', 'Stop'),
  fares: fc.array(FARE, { minLength: 1, maxLength: 8 }),
  afterMs: fc.integer({ min: 100, max: 40_000 }),
});

test('whatever happens to requests, clocks and replicas: never two leaders, and one in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 12 }), async (steps) => {
      const { time, join, leaders } = startGroup();
      const names = ['a', 'b', 'c'];
      const replicas = names.map((name, index) => join(name, { wallMs: index * 7_777_777, monotonicMs: index * 1e6 }));
      const gone = new Set<Replica>();
      const watchOver = async (ms: number): Promise<void> => {
        for (let passed = 0; passed < ms; passed += 250) {
          await time.advance(250);
          expect(leaders().length).toBeLessThan(2);
        }
      };
      for (const { replica: index, act, fares, afterMs } of steps) {
        const replica = replicas[index];
        if (replica === undefined || gone.has(replica)) continue;
        if (act === 'Fares') {
          let next = 0;
          replica.fare = () => fares[next++ % fares.length] ?? SMOOTH;
        } else if (act === 'Smooth') replica.fare = () => SMOOTH;
        else if (act === 'SetClock') time.wallMs -= afterMs * 1_000;
        else if (gone.size < 2) {
          gone.add(replica);
          if (act === 'Die') replica.die();
          else await replica.stop();
        }
        await watchOver(afterMs);
      }
      for (const replica of replicas) replica.fare = () => SMOOTH;
      await watchOver(60_000);
      expect(leaders()).toHaveLength(1);
    }),
    { numRuns: 40, seed: 20_260_101 },
  );
}, 120_000);
