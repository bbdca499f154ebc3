import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, test } from '@jest/globals';
import { ALL_BYTES_MAX, BufferGarbage, garbageCollector, YOUNG_BYTES_MAX } from './garbage.ts';

const MIB = 1024 * 1024;

/** Buffers grow with what passes; a collection of what is young leaves `left` of each byte, one of all nothing but `held` bytes. */
function machine({ left = 0, held = 0 } = {}) {
  let bytes = held;
  let old = 0;
  const collections = { Young: 0, All: 0 };
  let most = 0;
  const garbage = new BufferGarbage(
    {
      Young: () => {
        collections.Young += 1;
        old += (bytes - held - old) * left;
        bytes = held + old;
      },
      All: () => {
        collections.All += 1;
        old = 0;
        bytes = held;
      },
    },
    () => bytes,
  );
  return {
    pass: (count: number, kept = count) => {
      bytes += kept;
      most = Math.max(most, bytes);
      garbage.passed(count);
    },
    collections,
    get most() {
      return most;
    },
  };
}

describe('the garbage of buffers', () => {
  it('is collected when buffers have grown by so much, and not before', () => {
    const thread = machine();
    for (let passed = 0; passed < YOUNG_BYTES_MAX; passed += MIB) thread.pass(MIB);
    expect(thread.collections).toEqual({ Young: 0, All: 0 });
    thread.pass(MIB);
    expect(thread.collections).toEqual({ Young: 1, All: 0 });
  });

  it('is left alone while what passes leaves none', () => {
    const thread = machine();
    for (let passed = 0; passed < 1024; passed += 1) thread.pass(MIB, 0);
    expect(thread.collections).toEqual({ Young: 0, All: 0 });
  });

  it('is counted from what is held', () => {
    const thread = machine({ held: 100 * MIB });
    for (let passed = 0; passed < 10 * YOUNG_BYTES_MAX; passed += MIB) thread.pass(MIB);
    expect(thread.collections.Young).toBeLessThanOrEqual(10);
    expect(thread.collections.All).toBe(0);
  });

  it('is collected with all else where it has grown old, so that it never grows by more than that', () => {
    const thread = machine({ left: 0.5, held: 10 * MIB });
    for (let passed = 0; passed < 10_000; passed += 1) thread.pass(MIB);
    expect(thread.collections.All).toBeGreaterThan(0);
    expect(thread.most).toBeLessThanOrEqual(10 * MIB + ALL_BYTES_MAX + 2 * MIB);
  });
});

/**
 * Passes buffers of 64 KiB, of which the last `held` are held, beside a heap of 20 MB. Gives how often V8 looked through all objects, and the most
 * that buffers took, in MiB. One thread collects, as in a gate: what another one is still at is not known when it ends.
 */
function passInChild(passed: string, held: number): { readonly full: number; readonly mostMib: number } {
  const program = `
    import { PerformanceObserver } from 'node:perf_hooks';
    import { BufferGarbage } from ${JSON.stringify(join(import.meta.dirname, 'garbage.ts'))};
    const MAJOR = 4;
    let full = 0;
    const watch = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === MAJOR) full += 1;
    });
    watch.observe({ entryTypes: ['gc'] });
    const heap = Array.from({ length: 200_000 }, (_, at) => ({ at, text: String(at) }));
    const passed = ${passed};
    const last = [];
    let most = 0;
    for (let at = 0; at < 16_384; at += 1) {
      last[at % ${held}] = Buffer.allocUnsafeSlow(65_536);
      passed(65_536);
      if (at % 64 > 0) continue;
      most = Math.max(most, process.memoryUsage().arrayBuffers);
      await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (heap.length + last.length === 0) throw new Error('nothing is held');
    process.stdout.write(JSON.stringify({ full, mostMib: most / ${MIB} }));
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--single-threaded-gc', '--input-type=module', '-e', program],
    {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    },
  );
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const TELLS = '(() => { const garbage = new BufferGarbage(); return (bytes) => garbage.passed(bytes); })()';

test('a thread that tells what passes is hardly ever looked through whole', () => {
  expect(passInChild('() => undefined', 1).full).toBeGreaterThanOrEqual(8);
  expect(passInChild(TELLS, 1).full).toBeLessThanOrEqual(3);
});

test('buffers that grow old before they are let go of are bounded, too', () => {
  // 37.5 MiB are held, longer than two collections of what is young.
  const { full, mostMib } = passInChild(TELLS, 600);
  expect(full).toBeGreaterThanOrEqual(3);
  expect(mostMib).toBeLessThanOrEqual(37.5 + (ALL_BYTES_MAX + YOUNG_BYTES_MAX) / MIB + 8);
});

test('all that nothing holds any longer is collected', async () => {
  const collect = garbageCollector('All');
  const garbage = new WeakRef({ chunk: new Uint8Array(1024) });
  // A WeakRef holds its target until the job that made it is over.
  await new Promise(setImmediate);
  expect(garbage.deref()).toBeDefined();
  await new Promise(setImmediate);
  collect();
  expect(garbage.deref()).toBeUndefined();
});
