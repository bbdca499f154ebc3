import { appendFileSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BufferGarbage } from '@sidegate/crds';
import { openChunk, type SealedChunk } from '@sidegate/session';
import { Store } from './store.ts';
import { SampleSession } from './testing/sample-session.ts';
import { record, StoreBench } from './testing/store-bench.ts';

let bench: StoreBench;

beforeEach(() => {
  bench = new StoreBench();
});
afterEach(() => bench.discard());

const segmentFiles = (): string[] => readdirSync(join(bench.directory, 'segments'));

describe('a chunk', () => {
  test('that repeats a stored one is a duplicate; the same events cut otherwise are too', async () => {
    await bench.open();
    const start = new SampleSession('s1');
    const events = [start.opened(), start.remark('a'), start.remark('b'), start.remark('c')] as const;
    const pairs = [start.chunk(events[0], events[1]), start.chunk(events[2], events[3])];
    expect(await bench.offerAll(pairs)).toEqual(['Stored', 'Stored']);
    expect(await bench.offerAll(pairs)).toEqual(['Duplicate', 'Duplicate']);
    const other = new SampleSession('s1');
    const [one, three] = [other.chunk(events[0]), other.chunk(events[1], events[2], events[3])];
    expect(await bench.offerAll([one, three])).toEqual(['Duplicate', 'Duplicate']);
    expect(bench.alarmKinds()).toEqual([]);
  });

  test('that goes on after the stored events, and begins before their end, is to be cut again', async () => {
    await bench.open();
    const start = new SampleSession('s1');
    const events = [start.opened(), start.remark('a'), start.remark('b')] as const;
    const first = start.chunk(events[0], events[1]);
    expect(await bench.offerAll([first])).toEqual(['Stored']);
    const recut = new SampleSession('s1').chunk(...events);
    expect(await bench.offer(recut)).toMatchObject({ kind: 'Recut', lastSequence: 2, lastSha256: first.sha256 });
    expect(await bench.offerAll([start.chunk(events[2])])).toEqual(['Stored']);
    expect(bench.alarmKinds()).toEqual([]);
  });

  test('that tells another story is a fork: kept aside, alarmed once, and the first one stays', async () => {
    await bench.open();
    const { session, chunks } = record('s1');
    const liar = session.fork();
    const [truth, lie] = [session.chunk(session.remark('true')), liar.chunk(liar.remark('false'))];
    expect(await bench.offerAll([...chunks, truth])).toEqual(['Stored', 'Stored', 'Stored']);
    expect(await bench.offerAll([lie, lie])).toEqual(['Fork', 'Fork']);
    const alarms = bench.store.alarms.list('s1', 10);
    expect(alarms).toMatchObject([{ kind: 'Fork', sequence: truth.firstSequence }]);
    const kept = readFileSync(join(bench.directory, 'evidence', alarms[0]?.evidence ?? ''));
    expect(Buffer.compare(kept, lie.bytes)).toBe(0);
    expect(await bench.verify('s1')).toMatchObject({ consistent: true, lastSha256: truth.sha256 });
    const next = liar.chunk(liar.remark('more'));
    expect(await bench.offer(next)).toMatchObject({ kind: 'Fork' });
    expect(await bench.offer(session.chunk(session.remark('more')))).toMatchObject({ kind: 'Stored' });
  });

  test('that comes too early leaves a gap, which is reported, and mended by what was missing', async () => {
    await bench.open();
    const [first, second, third] = record('s1', 2).chunks;
    if (!first || !second || !third) throw new Error('three chunks were expected');
    expect(await bench.offerAll([first, third, third])).toEqual(['Stored', 'Gap', 'Gap']);
    expect(await bench.offer(third)).toMatchObject({
      kind: 'Gap',
      lastSequence: 1,
      message: 'Events 2 to 5 are missing.',
    });
    expect(bench.store.alarms.list('s1', 10)).toMatchObject([{ kind: 'Gap', sequence: 5, resolvedUs: 0 }]);
    expect(await bench.offerAll([second, third])).toEqual(['Stored', 'Stored']);
    expect(bench.store.alarms.list('s1', 10)).toMatchObject([{ kind: 'Gap', resolvedUs: bench.nowUs }]);
  });

  test.each<[string, (chunk: SealedChunk) => Partial<SealedChunk>, string]>([
    ['true', () => ({}), 'Stored'],
    ['announced as another session', () => ({ sessionId: 's2' }), 'Invalid'],
    ['announced with other numbers', () => ({ firstSequence: 2 }), 'Invalid'],
    ['announced with another hash', () => ({ sha256: new Uint8Array(32) }), 'Invalid'],
    ['cut', ({ bytes }) => ({ bytes: bytes.subarray(0, -1) }), 'Invalid'],
    ['noise', () => ({ bytes: new Uint8Array(100).fill(7) }), 'Invalid'],
  ])('that is %s', async (_name, change, kind) => {
    await bench.open();
    const [chunk] = record('s1').chunks;
    if (chunk === undefined) throw new Error('a chunk was expected');
    expect(await bench.offer({ ...chunk, ...change(chunk) })).toMatchObject({ kind });
    expect(bench.alarmKinds()).toEqual(kind === 'Stored' ? [] : ['Invalid']);
  });

  test('after the end of a session is refused; one before it is not', async () => {
    await bench.open();
    const { session, chunks } = record('s1');
    await bench.offerAll(chunks);
    expect(await bench.offerAll([session.chunk(session.closed()), session.chunk(session.remark('late'))])).toEqual([
      'Stored',
      'Invalid',
    ]);
    expect(await bench.verify('s1')).toMatchObject({ consistent: true, closed: true });
  });

  test('that opens a session twice is refused', async () => {
    await bench.open();
    const session = new SampleSession('s1');
    expect(await bench.offerAll([session.chunk(session.opened()), session.chunk(session.opened())])).toEqual([
      'Stored',
      'Invalid',
    ]);
  });

  test.each([
    [100, 100],
    [101, 100],
  ])('that is wrong in %i ways raises %i alarms', async (ways, alarms) => {
    await bench.open();
    const [chunk] = record('s1').chunks;
    if (chunk === undefined) throw new Error('a chunk was expected');
    const wrong = Array.from({ length: ways }, (_none, at) => ({ ...chunk, firstSequence: at + 2 }));
    expect(new Set(await bench.offerAll(wrong))).toEqual(new Set(['Invalid']));
    expect(bench.store.alarms.list('s1', 2000)).toHaveLength(alarms);
    expect(await bench.offer(chunk)).toMatchObject({ kind: 'Stored' });
  });

  test('of no bytes asks where the session stands', async () => {
    await bench.open();
    const { chunks } = record('s1');
    const ask = {
      sessionId: 's1',
      firstSequence: 0,
      lastSequence: 0,
      sha256: new Uint8Array(),
      chunk: new Uint8Array(),
    };
    expect(await bench.store.intake.offer(ask)).toMatchObject({ kind: 'Position', lastSequence: 0 });
    const answers = await Promise.all([...chunks.map((chunk) => bench.offer(chunk)), bench.store.intake.offer(ask)]);
    expect(answers.at(-1)).toMatchObject({ kind: 'Position', lastSequence: 5, lastSha256: chunks[1]?.sha256 });
  });
});

describe('a store that cannot write', () => {
  test('pushes back while the disk has less free than it must, and takes the same chunk when it has', async () => {
    const { chunks } = record('s1');
    await bench.open({ diskReserveBytes: Number.MAX_SAFE_INTEGER });
    expect(await bench.offerAll(chunks)).toEqual(['PushBack', 'Gap']);
    await bench.reopen();
    expect(await bench.offerAll(chunks)).toEqual(['Stored', 'Stored']);
  });

  test('pushes back when its segments fail, and goes on when they do not', async () => {
    await bench.open();
    const { chunks, session } = record('s1');
    const segments = join(bench.directory, 'segments');
    renameSync(segments, `${segments}-away`);
    expect((await bench.offerAll(chunks))[0]).toBe('PushBack');
    renameSync(`${segments}-away`, segments);
    expect(await bench.offerAll([...chunks, session.chunk(session.closed())])).toEqual(['Stored', 'Stored', 'Stored']);
    expect(await bench.verify('s1')).toMatchObject({ consistent: true, closed: true });
  });

  test('pushes back when its index fails, and says so', async () => {
    await bench.open();
    const { store } = bench;
    const { chunks } = record('s1');
    await bench.close();
    const [first] = chunks;
    if (first === undefined) throw new Error('a chunk was expected');
    expect(await store.intake.offer({ ...first, chunk: first.bytes })).toMatchObject({ kind: 'PushBack' });
    expect(bench.reports).toHaveLength(1);
    await bench.open();
    expect(await bench.offerAll(chunks)).toEqual(['Stored', 'Stored']);
  });
});

describe('a start', () => {
  test('indexes what is on disk and not in the index, and leaves a cut write alone', async () => {
    await bench.open();
    const { chunks } = record('s1', 3);
    await bench.offerAll(chunks);
    await bench.close();
    const [name = ''] = segmentFiles();
    const file = join(bench.directory, 'segments', name);
    // A write that was cut short: a length of 100 and less than 100 bytes.
    appendFileSync(file, Buffer.from([0, 0, 0, 100, 1, 2, 3, 4, 5, 6]));
    await bench.open();
    expect(bench.store.recovery).toEqual({ indexed: 0, tornBytes: 10, damaged: 0 });
    expect(await bench.verify('s1')).toMatchObject({ consistent: true, chunks: 4 });
    await bench.reopen();
    expect(bench.store.recovery).toEqual({ indexed: 0, tornBytes: 0, damaged: 0 });
  });

  test('builds the whole index anew when its file is gone', async () => {
    await bench.open({ segmentBytesMax: 1500 });
    const { whole } = record('s1', 10);
    const other = record('s2', 5);
    await bench.offerAll([...other.chunks.slice(0, 3), ...whole()]);
    await bench.offerAll(other.chunks.slice(3));
    const before = bench.store.query.session('s1');
    expect(segmentFiles().length).toBeGreaterThan(1);
    await bench.close();
    bench.loseIndex();
    await bench.open();
    expect(bench.store.recovery.indexed).toBe(18);
    expect(bench.store.query.session('s1')).toEqual(before);
    expect(await bench.verify('s1')).toMatchObject({ consistent: true, closed: true });
    expect(await bench.verify('s2')).toMatchObject({ consistent: true, closed: false });
  });

  test('finds a flipped byte, raises an alarm, and says which session is not whole', async () => {
    await bench.open();
    await bench.offerAll(record('s1', 3).chunks);
    await bench.close();
    const [name = ''] = segmentFiles();
    const file = join(bench.directory, 'segments', name);
    const bytes = readFileSync(file);
    bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await bench.open();
    expect(await bench.verify('s1')).toMatchObject({
      consistent: false,
      faults: [expect.stringContaining('changed'), expect.anything()],
    });
    await bench.close();
    bench.loseIndex();
    await bench.open();
    expect(bench.store.recovery).toMatchObject({ indexed: 3, damaged: 1 });
    expect(bench.alarmKinds()).toEqual(['Damaged']);
  });

  test('finds a segment that was cut', async () => {
    await bench.open();
    await bench.offerAll(record('s1', 3).chunks);
    await bench.close();
    const [name = ''] = segmentFiles();
    const file = join(bench.directory, 'segments', name);
    truncateSync(file, readFileSync(file).length - 1);
    await bench.open();
    expect(await bench.verify('s1')).toMatchObject({ consistent: false, lastSequence: 9 });
  });

  test('is refused while another store works on the folder', async () => {
    await bench.open();
    const limits = { ageMaxMs: 0, bytesMax: 0, silenceMs: 1 };
    const options = {
      directory: bench.directory,
      limits,
      segmentBytesMax: 1,
      diskReserveBytes: 0,
      nowUs: () => 1,
      report: () => {},
    };
    expect(await Store.open(options)).toMatchObject({ ok: false, fault: { code: 'StoreBusy' } });
  });
});

test('whoever collects garbage is told of all that chunks unpack to', async () => {
  const passed = jest.spyOn(BufferGarbage.prototype, 'passed');
  try {
    await bench.open();
    const { chunks } = record('s1', 3);
    await bench.offerAll(chunks);
    const unpacked = chunks
      .map(({ bytes }) => openChunk(bytes))
      .map((chunk) => (chunk.ok ? chunk.value.payloadBytes : 0));
    const sum = (numbers: readonly number[]): number => numbers.reduce((left, right) => left + right, 0);
    expect(sum(unpacked)).toBeGreaterThan(0);
    expect(sum(passed.mock.calls.map(([bytes]) => bytes))).toBe(sum(unpacked));
  } finally {
    passed.mockRestore();
  }
});

test('a segment that is gone gives its number to no other', async () => {
  await bench.open();
  await bench.offerAll(record('s1', 3).whole());
  await bench.close();
  for (const name of segmentFiles()) renameSync(join(bench.directory, 'segments', name), join(bench.directory, name));
  await bench.open();
  await bench.offerAll(record('s2', 3).whole());
  expect(segmentFiles()).toEqual(['00000002.segment']);
  expect(await bench.verify('s1')).toMatchObject({ consistent: false });
  expect(await bench.verify('s2')).toMatchObject({ consistent: true });
  // What the index says of how far the old one was looked at is not said of the new one.
  await bench.reopen();
  expect(bench.store.recovery).toMatchObject({ indexed: 0, damaged: 0 });
});

test('an index that is built again says of which sessions it has only the beginning', async () => {
  await bench.open();
  const [one, two] = [record('s1', 4).whole(), record('s2', 4).whole()];
  await bench.offerAll([...one, ...two]);
  const [, , third] = one;
  const [place] = bench.store.chunks.covering('s1', third?.firstSequence ?? 0, third?.firstSequence ?? 0);
  await bench.close();
  bench.loseIndex();
  const path = join(bench.directory, 'segments', '00000001.segment');
  const bytes = readFileSync(path);
  const at = (place?.place.offset ?? 0) + 60;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
  await bench.open();
  expect(bench.alarmKinds().toSorted()).toEqual(['Damaged', 'Gap']);
  expect(bench.store.alarms.list('s1', 10)).toMatchObject([
    { kind: 'Gap', sequence: 5, text: expect.stringContaining('after event 5') },
  ]);
  expect(await bench.verify('s2')).toMatchObject({ consistent: true, closed: true });
  // The gate may still have it.
  expect(await bench.offerAll(one.slice(2))).toEqual(['Stored', 'Stored', 'Stored', 'Stored']);
  expect(await bench.verify('s1')).toMatchObject({ consistent: true, closed: true });
  expect(bench.store.alarms.list('s1', 10)).toMatchObject([{ kind: 'Gap', resolvedUs: bench.nowUs }]);
});
