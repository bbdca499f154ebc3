import { describe, expect, test } from '@jest/globals';
import { ReadingCache } from './reading-cache.ts';
import type { ReadSql, SqlReading, SqlState } from './sql-reading.ts';
import { fakeReader, NO_CATALOG } from './testing/fake-reading.ts';

const STATE: SqlState = {
  settingsKey: 'k',
  searchPath: [],
  standardConformingStrings: true,
  role: 'me',
  prepared: new Map(),
  cursors: new Map(),
};

function counted(read: ReadSql = fakeReader({})): { readonly cache: ReadingCache; readonly count: () => number } {
  let reads = 0;
  const cache = new ReadingCache((...question) => {
    reads++;
    return read(...question);
  });
  return { cache, count: () => reads };
}

describe('readings', () => {
  test.each([
    ['the same text', 'select 1', '1', 'k', 1],
    ['another text', 'select 2', '1', 'k', 2],
    ['another catalog', 'select 1', '2', 'k', 2],
    ['other settings', 'select 1', '1', 'l', 2],
  ])('%s: read %#', (_, text, version, key, reads) => {
    const { cache, count } = counted();
    cache.read('select 1', NO_CATALOG, 'k', () => STATE);
    cache.read(text, { ...NO_CATALOG, version }, key, () => STATE);
    expect(count()).toBe(reads);
  });

  test('what holds only now is read each time', () => {
    const { cache, count } = counted(fakeReader({ 'execute s': { ofThisMoment: true } }));
    for (let turn = 0; turn < 2; turn++) cache.read('execute s', NO_CATALOG, 'k', () => STATE);
    expect(count()).toBe(2);
  });

  test.each([
    [16_384, 1],
    [16_385, 2],
  ])('a text of %d characters is read %d times', (length, reads) => {
    const { cache, count } = counted();
    for (let turn = 0; turn < 2; turn++) cache.read('x'.repeat(length), NO_CATALOG, 'k', () => STATE);
    expect(count()).toBe(reads);
  });

  test('many long texts push each other out', () => {
    const { cache, count } = counted();
    for (let turn = 0; turn < 600; turn++) cache.read(`${'x'.repeat(16_000)}${turn}`, NO_CATALOG, 'k', () => STATE);
    cache.read(`${'x'.repeat(16_000)}0`, NO_CATALOG, 'k', () => STATE);
    cache.read(`${'x'.repeat(16_000)}599`, NO_CATALOG, 'k', () => STATE);
    expect(count()).toBe(601);
  });

  test('texts of one command share its number', () => {
    const one = fakeReader({})('select 1', NO_CATALOG, STATE);
    const { cache } = counted((text): SqlReading => ({ ...one, masksText: () => text }));
    const numbers = ['select 1', 'select 2'].map((text) => cache.read(text, NO_CATALOG, 'k', () => STATE).number);
    expect(numbers).toEqual([1, 1]);
    expect(counted().cache.read('select 1', NO_CATALOG, 'k', () => STATE).number).toBe(1);
  });
});
