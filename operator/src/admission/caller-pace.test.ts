import { expect, test } from '@jest/globals';
import { FakeTime, settle } from '../kube/fixture/fake-time.ts';
import { CallerPace } from './caller-pace.ts';

const NEVER = new AbortController().signal;

/** Time that also passes while something works. */
class WorkingTime extends FakeTime {
  #workedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#workedMs;
  }

  work(ms: number): void {
    this.#workedMs += ms;
  }
}

function start(): {
  readonly pace: CallerPace;
  readonly time: WorkingTime;
  readonly done: string[];
  readonly ask: (caller: string, ms: number, times?: number, signal?: AbortSignal) => void;
} {
  const time = new WorkingTime();
  const pace = new CallerPace(time);
  const done: string[] = [];
  const ask = (caller: string, ms: number, times = 1, signal = NEVER): void => {
    for (let count = 0; count < times; count += 1)
      void pace.turn(caller, signal, () => {
        time.work(ms);
        done.push(caller);
      });
  };
  return { pace, time, done, ask };
}

const count = (done: readonly string[], caller: string): number => done.filter((one) => one === caller).length;

test('hundreds of small requests at once do not wait', async () => {
  const { done, ask } = start();
  ask('server', 3, 500);
  await settle();
  expect(count(done, 'server')).toBe(500);
});

test('a caller that has had its share gets a quarter of the time, and takes nothing from others', async () => {
  const { time, done, ask } = start();
  ask('agent', 400, 100);
  await settle();
  const atOnce = count(done, 'agent');
  expect(atOnce).toBeLessThan(8);
  ask('server', 3, 100);
  await settle();
  expect(count(done, 'server')).toBe(100);
  await time.advance(64_000);
  expect(count(done, 'agent') - atOnce).toBeGreaterThan(30);
  expect(count(done, 'agent') - atOnce).toBeLessThan(70);
});

test('however many they are, half of the time is left', async () => {
  const { time, done, ask } = start();
  for (let caller = 0; caller < 50; caller += 1) ask(`agent-${caller}`, 400, 20);
  await settle();
  const atOnce = done.length;
  // While they work, half of that comes back.
  expect(atOnce).toBeLessThanOrEqual(20);
  await time.advance(40_000);
  expect((done.length - atOnce) * 400).toBeLessThan(60_000);
  expect(done.length).toBeGreaterThan(atOnce + 20);
});

test('what is under way is bounded, of each and of all', () => {
  const { pace } = start();
  const [limit, request] = [12 << 20, 64 << 10];
  expect(pace.begin('a')).toBe(true);
  expect(pace.hold('a', limit - request)).toBe(true);
  expect([pace.hold('a', 1), pace.begin('a'), pace.begin('b')]).toEqual([false, false, true]);
  for (const caller of ['c', 'd', 'e']) {
    expect(pace.begin(caller)).toBe(true);
    expect(pace.hold(caller, limit - 2 * request)).toBe(true);
  }
  expect([pace.hold('f', 3 * request), pace.hold('f', 2 * request)]).toEqual([false, true]);
  pace.end('a', limit - request);
  expect(pace.begin('a')).toBe(true);
});

test('whoever is gone is not worked for, and is forgotten', async () => {
  const { pace, time, done, ask } = start();
  const gone = new AbortController();
  expect(pace.begin('agent')).toBe(true);
  ask('agent', 5_000);
  ask('agent', 5_000, 1, gone.signal);
  await settle();
  gone.abort();
  pace.end('agent', 0);
  await time.advance(60_000);
  expect(done).toEqual(['agent']);
  expect(pace.begin('server')).toBe(true);
  expect(pace.size).toBe(1);
});
