import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, test } from '@jest/globals';
import { BufferGarbage, garbageCollector, YOUNG_BYTES_MAX } from './garbage.ts';

const MIB = 1024 * 1024;

/** Buffers grow with what passes; a collection leaves `left` of them. */
function machine(left = 0) {
  let bytes = 0;
  let collections = 0;
  const garbage = new BufferGarbage(
    () => {
      collections += 1;
      bytes = left;
    },
    () => bytes,
  );
  return {
    pass: (count: number, kept = count) => {
      bytes += kept;
      garbage.passed(count);
    },
    get collections() {
      return collections;
    },
  };
}

describe('the garbage of buffers', () => {
  it('is collected when buffers have grown by so much, and not before', () => {
    const { pass, ...thread } = machine();
    for (let passed = 0; passed <= YOUNG_BYTES_MAX; passed += MIB) pass(MIB);
    expect(thread.collections).toBe(0);
    const other = machine();
    for (let passed = 0; passed <= YOUNG_BYTES_MAX + MIB; passed += MIB) other.pass(MIB);
    expect(other.collections).toBe(1);
  });

  it('is left alone while what passes leaves none', () => {
    const thread = machine();
    for (let passed = 0; passed < 1024; passed += 1) thread.pass(MIB, 0);
    expect(thread.collections).toBe(0);
  });

  it('is counted from what a collection leaves', () => {
    const thread = machine(100 * MIB);
    for (let passed = 0; passed < 10 * YOUNG_BYTES_MAX; passed += MIB) thread.pass(MIB);
    expect(thread.collections).toBeLessThanOrEqual(10);
  });
});

/** Passes 1 GiB in buffers beside a heap of 20 MB, and prints how often V8 looked through all objects. */
function fullCollections(passed: string): number {
  const program = `
    import { PerformanceObserver } from 'node:perf_hooks';
    import { BufferGarbage } from ${JSON.stringify(join(import.meta.dirname, 'garbage.ts'))};
    const MAJOR = 4;
    let count = 0;
    const watch = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === MAJOR) count += 1;
    });
    watch.observe({ entryTypes: ['gc'] });
    const heap = Array.from({ length: 200_000 }, (_, at) => ({ at, text: String(at) }));
    const passed = ${passed};
    let last;
    for (let at = 0; at < 16_384; at += 1) {
      last = Buffer.allocUnsafeSlow(65_536);
      passed(last.length);
      if (at % 64 === 0) await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.stdout.write(String(heap.length > 0 && last.length > 0 ? count : -1));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
  });
  if (stderr !== '') throw new Error(stderr);
  return Number(stdout);
}

test('a thread that tells what passes is hardly ever looked through whole', () => {
  const without = fullCollections('() => undefined');
  const garbage = fullCollections(
    '(() => { const garbage = new BufferGarbage(); return (bytes) => garbage.passed(bytes); })()',
  );
  expect(without).toBeGreaterThanOrEqual(8);
  expect(garbage).toBeLessThanOrEqual(3);
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
