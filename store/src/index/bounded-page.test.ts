import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SampleSession } from '../testing/sample-session.ts';
import { EVERYTHING, StoreBench } from '../testing/store-bench.ts';
import { boundedPage, PAGE_CHARACTERS_MAX } from './bounded-page.ts';

const MIB = 1024 * 1024;

let bench: StoreBench;

beforeEach(async () => {
  bench = new StoreBench();
  await bench.open();
});
afterEach(() => bench.discard());

test.each([
  ['up to the limit', [1, 1, 1], 2, 2, true],
  ['at the limit', [1, 1], 2, 2, false],
  ['one below what a page holds', [PAGE_CHARACTERS_MAX - 1, 1, 1], 9, 2, true],
  ['at what a page holds', [PAGE_CHARACTERS_MAX, 1], 9, 1, true],
  ['one that is larger than a page', [PAGE_CHARACTERS_MAX * 2], 9, 1, false],
])('a page goes %s', (_name, lengths, limit, count, more) => {
  const rows = lengths.map((length) => ({ text: 'x'.repeat(length) }));
  const page = boundedPage(rows, limit);
  expect([page.rows.length, page.more]).toEqual([count, more]);
});

describe('commands that are long', () => {
  beforeEach(async () => {
    const session = new SampleSession('s');
    const chunks = [session.chunk(session.opened())];
    for (let id = 1; id <= 20; id += 1) chunks.push(session.chunk(session.judged(id, `select ${'x'.repeat(MIB - 7)}`)));
    await bench.offerAll(chunks);
  });

  test('come a few at a time, and all of them come', () => {
    const ids: number[] = [];
    const pages: number[] = [];
    for (let after = 0; ; ) {
      const page = bench.store.query.commands('s', after, 1000);
      pages.push(page.commands.length);
      ids.push(...page.commands.map(({ commandId }) => commandId));
      after = ids.at(-1) ?? 0;
      if (!page.more) break;
    }
    expect(ids).toEqual(Array.from({ length: 20 }, (_none, at) => at + 1));
    expect(Math.max(...pages)).toBeLessThanOrEqual(9);
  });

  test('are found, as many as fit', async () => {
    const found = await bench.store.query.search('select', EVERYTHING, 1000);
    if (!found.ok) throw new Error(found.fault.message);
    expect(found.value.more).toBe(true);
    expect(found.value.commands.map(({ commandId }) => commandId)).toEqual([20, 19, 18, 17, 16, 15, 14, 13]);
  });
});

test('sessions whose agents claim much come a few at a time, and all of them come', async () => {
  const claimed = { agent: 'x'.repeat(20_000), run: 'y'.repeat(20_000) };
  const chunks = Array.from({ length: 300 }, (_none, at) => {
    const session = new SampleSession(`s${at}`);
    return session.chunk(session.opened({ claimed: at % 10 === 0 ? {} : claimed }));
  });
  expect(new Set(await bench.offerAll(chunks))).toEqual(new Set(['Stored']));
  const ids = new Set<string>();
  let pages = 0;
  for (let cursor = ''; ; ) {
    const page = await bench.store.query.sessions(EVERYTHING, 1000, cursor);
    if (!page.ok) throw new Error(page.fault.message);
    pages += 1;
    for (const { sessionId } of page.value.sessions) ids.add(sessionId);
    cursor = page.value.next;
    if (cursor === '') break;
  }
  expect(ids.size).toBe(300);
  expect(pages).toBe(2);
});

describe('a text that is longer than the index holds', () => {
  test('is shown by its beginning, and found by its end', async () => {
    const session = new SampleSession('s');
    const text = `select ${'x '.repeat(MIB)} needle`;
    const binds = [`${'y '.repeat(MIB)} bound`, 'another', ...Array.from({ length: 3 }, () => 'z')];
    await bench.offer(session.chunk(session.opened(), session.judged(1, text, { binds })));
    const [command] = bench.store.query.commands('s', 0, 10).commands;
    expect(command?.text).toBe(`${text.slice(0, MIB)}… (the record has ${text.length - MIB} more characters)`);
    expect(command?.binds).toEqual([
      expect.stringMatching(/^y y .*… \(the record has \d+ more characters\)$/u),
      '… (the record has 4 more)',
    ]);
    for (const word of ['needle', 'bound', 'another']) {
      const found = await bench.store.query.search(word, EVERYTHING, 10);
      expect(found.ok && found.value.commands.length).toBe(1);
    }
    expect(await bench.verify('s')).toMatchObject({ consistent: true });
  });

  test.each([MIB - 1, MIB, MIB + 1])('of %i characters', async (length) => {
    const session = new SampleSession('s');
    await bench.offer(session.chunk(session.opened(), session.judged(1, 'x'.repeat(length))));
    const [command] = bench.store.query.commands('s', 0, 10).commands;
    expect(command?.text.includes('the record has 1 more')).toBe(length > MIB);
  });
});
