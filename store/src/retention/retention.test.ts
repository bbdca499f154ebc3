import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SampleSession } from '../testing/sample-session.ts';
import { EVERYTHING, record, StoreBench } from '../testing/store-bench.ts';

const DAY_MS = 86_400_000;

let bench: StoreBench;

beforeEach(() => {
  bench = new StoreBench();
});
afterEach(() => bench.discard());

describe('a gate that vanished', () => {
  test('leaves a session whose tail is unknown, and takes that back when it returns', async () => {
    await bench.open({ silenceMs: 1000 });
    const { session, chunks } = record('s1');
    await bench.offerAll(chunks);
    const stream = bench.store.presence.stream();
    stream.speaksOf('s1');
    bench.nowUs += 5_000_000;
    await bench.store.tidy();
    expect(bench.store.query.session('s1')).toMatchObject({ tailUnknown: false, closedUs: 0 });
    stream.end();
    bench.nowUs += 1_000_000;
    await bench.store.tidy();
    expect(bench.store.query.session('s1')).toMatchObject({ tailUnknown: false, closedUs: 0 });
    bench.nowUs += 1;
    await bench.store.tidy();
    expect(bench.store.query.session('s1')).toMatchObject({ tailUnknown: true, closeCode: 'TailUnknown' });
    expect(bench.alarmKinds()).toEqual(['TailUnknown']);
    expect(await bench.sessionIds({ open: true })).toEqual([]);

    expect(await bench.offerAll([session.chunk(session.remark('back'))])).toEqual(['Stored']);
    expect(bench.store.query.session('s1')).toMatchObject({ tailUnknown: false, closedUs: 0, closeCode: '' });
    expect(bench.store.alarms.list('s1', 10)).toMatchObject([{ kind: 'TailUnknown', resolvedUs: bench.nowUs }]);
    expect(await bench.sessionIds({ open: true })).toEqual(['s1']);
  });

  test('is not blamed for the time that the store itself was away', async () => {
    await bench.open({ silenceMs: 1000 });
    await bench.offerAll(record('s1').chunks);
    bench.nowUs += 3_600_000_000;
    await bench.reopen({ silenceMs: 1000 });
    await bench.store.tidy();
    expect(bench.store.query.session('s1')).toMatchObject({ tailUnknown: false });
  });
});

describe('retention', () => {
  test('by age takes whole closed sessions and never an open one', async () => {
    await bench.open({ ageMaxMs: DAY_MS });
    await bench.offerAll(record('closed').whole());
    await bench.offerAll(record('open').chunks);
    bench.nowUs = DAY_MS * 1000;
    await bench.offerAll(record('young', 1, { atUs: DAY_MS * 1000 }).whole());
    bench.nowUs = DAY_MS * 1000 + 1_000_000;
    bench.store.presence.stream().speaksOf('open');
    await bench.store.tidy();
    expect((await bench.sessionIds()).toSorted()).toEqual(['closed', 'open', 'young']);
    bench.nowUs += 60_000_000;
    await bench.store.tidy();
    expect((await bench.sessionIds()).toSorted()).toEqual(['open', 'young']);
    expect(await bench.verify('open')).toMatchObject({ consistent: true });
    expect(await bench.verify('young')).toMatchObject({ consistent: true });
    const found = await bench.store.query.search('select', EVERYTHING, 10);
    expect(found.ok && found.value.commands.map(({ sessionId }) => sessionId)).toEqual(['young', 'open']);
  });

  test.each([
    ['in 1970', 1_000_000],
    ['a year behind', 1_700_000_000_000_000 - 365 * DAY_MS * 1000],
    ['right', 1_700_000_000_000_000],
    ['a year ahead', 1_700_000_000_000_000 + 365 * DAY_MS * 1000],
    ['in 2255', 9_000_000_000_000_000],
  ])('counts age by its own clock, whatever that of a gate shows: %s', async (_name, atUs) => {
    bench.nowUs = 1_700_000_000_000_000;
    await bench.open({ ageMaxMs: DAY_MS });
    await bench.offerAll(record('s', 1, { atUs }).whole());
    bench.nowUs += DAY_MS * 1000;
    await bench.store.tidy();
    expect(await bench.sessionIds()).toEqual(['s']);
    bench.nowUs += 1;
    await bench.store.tidy();
    expect(await bench.sessionIds()).toEqual([]);
  });

  test('by size takes what came first, whatever the clocks of gates show', async () => {
    await bench.open({ bytesMax: 20_000, segmentBytesMax: 2000 });
    for (const [at, id] of ['first', 'second', 'third', 'fourth'].entries()) {
      const session = new SampleSession(id, { atUs: (9 - at) * 1_000_000 });
      const noise = randomBytes(4000).toString('base64');
      const chunks = [
        session.chunk(session.opened()),
        session.chunk(session.remark(noise)),
        session.chunk(session.closed()),
      ];
      for (const chunk of chunks)
        while ((await bench.offer(chunk)).kind === 'PushBack') await bench.store.retention.idle();
      bench.nowUs += 1_000_000;
    }
    bench.nowUs += 1_000_000;
    await bench.store.retention.makeRoom(8_000);
    const left = await bench.sessionIds();
    expect(left).toContain('fourth');
    expect(left).not.toContain('first');
  });

  test('gives the space back, and what stays is readable after it moved and after a start', async () => {
    await bench.open({ ageMaxMs: DAY_MS, segmentBytesMax: 2000 });
    const { chunks, session } = record('open', 5);
    const [first, ...rest] = chunks;
    if (first === undefined) throw new Error('a chunk was expected');
    await bench.offer(first);
    for (const chunk of rest) await bench.offerAll([...record(`closed-${chunk.firstSequence}`, 5).whole(), chunk]);
    const before = bench.store.segments.bytes;
    bench.store.presence.stream().speaksOf('open');
    bench.nowUs = 2 * DAY_MS * 1000;
    await bench.store.tidy();
    expect(await bench.sessionIds()).toEqual(['open']);
    expect(bench.store.segments.bytes).toBeLessThan(before / 3);
    const used = chunks.reduce((sum, { bytes }) => sum + bytes.length + 8, 0);
    expect(bench.store.segments.bytes).toBe(used);
    expect(await bench.verify('open')).toMatchObject({ consistent: true, chunks: 6 });
    await bench.reopen();
    expect(bench.store.recovery).toEqual({ indexed: 0, tornBytes: 0, damaged: 0 });
    expect(await bench.verify('open')).toMatchObject({ consistent: true, chunks: 6 });
    expect(await bench.offerAll([...chunks, session.chunk(session.closed())])).toEqual([
      ...chunks.map(() => 'Duplicate'),
      'Stored',
    ]);
  });

  test('leaves a segment that cannot be read, and gives the space of others back', async () => {
    await bench.open({ ageMaxMs: DAY_MS, segmentBytesMax: 2000 });
    const { chunks } = record('open', 8);
    const [first, ...rest] = chunks;
    if (first === undefined) throw new Error('a chunk was expected');
    await bench.offer(first);
    for (const chunk of rest) await bench.offerAll([...record(`closed-${chunk.firstSequence}`, 5).whole(), chunk]);
    const { segments } = bench.store.segments;
    const [oldest] = segments;
    const path = join(bench.directory, 'segments', `${String(oldest?.segment).padStart(8, '0')}.segment`);
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    writeFileSync(path, bytes);
    bench.store.presence.stream().speaksOf('open');
    bench.nowUs = 2 * DAY_MS * 1000;
    await bench.store.tidy();
    const left = bench.store.segments.segments;
    expect(left[0]).toEqual(oldest);
    expect(left.slice(1).reduce((sum, one) => sum + one.bytes, 0)).toBeLessThan(
      segments.slice(1).reduce((sum, one) => sum + one.bytes, 0) / 3,
    );
    expect(await bench.verify('open')).toMatchObject({ consistent: false, chunks: 9 });
  });

  test('knows a late repeat of what it took away, and does not let it go on', async () => {
    await bench.open({ ageMaxMs: DAY_MS });
    const { whole, session } = record('s1');
    const chunks = whole();
    await bench.offerAll(chunks);
    bench.nowUs = 3 * DAY_MS * 1000;
    await bench.store.tidy();
    expect(await bench.sessionIds()).toEqual([]);
    expect(await bench.offerAll(chunks)).toEqual(['Duplicate', 'Duplicate', 'Duplicate']);
    expect(await bench.offerAll([session.chunk(session.remark('more'))])).toEqual(['Invalid']);
    expect(await bench.sessionIds()).toEqual([]);
  });

  test('by size takes the oldest closed sessions; a store full of open ones pushes back', async () => {
    const oldest = record('oldest', 3).whole();
    const size = oldest.reduce((sum, { bytes }) => sum + bytes.length + 8, 0);
    await bench.open({ bytesMax: Math.floor(size * 3.5) });
    await bench.offerAll(oldest);
    bench.nowUs += 10_000_000;
    const newer = record('newer', 3, { atUs: 50_000_000 });
    await bench.offerAll(newer.whole());
    const open1 = record('open-1', 3, { atUs: 60_000_000 });
    expect(await bench.offerAll(open1.chunks)).toEqual(['Stored', 'Stored', 'Stored', 'Stored']);
    bench.store.presence.stream().speaksOf('open-1');
    const open2 = record('open-2', 3, { atUs: 70_000_000 });
    expect(await bench.offerAll(open2.chunks)).toContain('PushBack');
    await bench.store.retention.idle();
    expect(await bench.sessionIds()).not.toContain('oldest');
    expect(await bench.sessionIds()).toEqual(expect.arrayContaining(['open-1', 'newer']));
    // What was pushed back is sent again, and now there is room.
    expect((await bench.offerAll(open2.chunks)).every((kind) => kind === 'Stored' || kind === 'Duplicate')).toBe(true);

    bench.store.presence.stream().speaksOf('open-2');
    const open3 = record('open-3', 30, { atUs: 80_000_000 });
    expect((await bench.offerAll(open3.chunks)).at(-1)).not.toBe('Stored');
    await bench.store.retention.idle();
    expect((await bench.offerAll(open3.chunks)).at(-1)).not.toBe('Stored');
    await bench.store.retention.idle();
    expect(await bench.sessionIds()).toEqual(expect.arrayContaining(['open-1', 'open-2']));
    for (const id of await bench.sessionIds()) expect(await bench.verify(id)).toMatchObject({ consistent: true });
    expect(bench.reports).toEqual([]);
  });

  describe('of a session with very many commands', () => {
    const COMMANDS = 5000;

    async function offerLarge(): Promise<void> {
      const session = new SampleSession('large');
      const chunks = [session.chunk(session.opened())];
      for (let first = 1; first <= COMMANDS; first += 500) {
        const ids = Array.from({ length: 500 }, (_, at) => first + at);
        chunks.push(session.chunk(...ids.flatMap((id) => session.command(id, `select ${id} from orders`))));
      }
      await bench.offerAll([...chunks, session.chunk(session.closed())]);
      await bench.offerAll(record('open').chunks);
      bench.store.presence.stream().speaksOf('open');
      bench.nowUs = 2 * DAY_MS * 1000;
    }

    /** Of the index of a closed store. */
    function count(sql: string): unknown {
      const database = new DatabaseSync(join(bench.directory, 'index.sqlite'), { readOnly: true });
      try {
        return database.prepare(sql).get()?.['n'];
      } finally {
        database.close();
      }
    }
    const commands = () => count('select count(*) as n from commands');
    const words = () => count("select count(*) as n from command_words where command_words match 'select'");
    const pages = () => count('select count(*) as n from command_words_data');

    test('lets others have their turn after each part, and leaves nothing behind', async () => {
      await bench.open({ ageMaxMs: DAY_MS });
      await offerLarge();
      await bench.close();
      expect([commands(), words()]).toEqual([COMMANDS + 1, COMMANDS + 1]);
      const before = Number(pages());
      await bench.open({ ageMaxMs: DAY_MS });
      bench.store.presence.stream().speaksOf('open');
      let turns = 0;
      const tidying = { isOver: false };
      const pass = bench.store.tidy().finally(() => {
        tidying.isOver = true;
      });
      for (; !tidying.isOver; turns += 1) await setImmediate();
      await pass;
      expect(turns).toBeGreaterThanOrEqual(COMMANDS / 1000);
      expect(await bench.sessionIds()).toEqual(['open']);
      await bench.close();
      expect([commands(), words()]).toEqual([1, 1]);
      expect(pages()).toBeLessThan(before / 2);
    });

    test('that is stopped in the middle is in no answer, and is gone on with after the next start', async () => {
      await bench.open({ ageMaxMs: DAY_MS });
      await offerLarge();
      const pass = bench.store.tidy();
      await bench.close();
      await pass;
      const left = Number(commands());
      expect(left).toBeGreaterThan(1);
      expect(left).toBeLessThanOrEqual(COMMANDS + 1);
      await bench.open({ ageMaxMs: DAY_MS });
      expect(await bench.sessionIds()).toEqual(['open']);
      const found = await bench.store.query.search('orders', EVERYTHING, 10);
      expect(found.ok && found.value.commands.map(({ sessionId }) => sessionId)).toEqual(['open']);
      bench.store.presence.stream().speaksOf('open');
      await bench.store.tidy();
      await bench.close();
      expect([commands(), words()]).toEqual([1, 1]);
    });
  });
});
