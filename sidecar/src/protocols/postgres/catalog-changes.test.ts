import { expect, test } from '@jest/globals';
import { CatalogChanges } from './catalog-changes.ts';

test('a change counts for its database alone', () => {
  const changes = new CatalogChanges();
  changes.note('db');
  expect([changes.count('db'), changes.count('other')]).toEqual([1, 0]);
});

test.each<[string, readonly (readonly [user: string, version: string, changes: number])[], number]>([
  [
    'the same catalog again',
    [
      ['me', 'a', 0],
      ['me', 'a', 0],
    ],
    0,
  ],
  [
    'another one, though nobody here changed anything',
    [
      ['me', 'a', 0],
      ['me', 'b', 0],
    ],
    1,
  ],
  [
    'another one after a change',
    [
      ['me', 'a', 0],
      ['me', 'b', 1],
    ],
    0,
  ],
  [
    'one that was asked for before',
    [
      ['me', 'a', 0],
      ['me', 'b', 1],
      ['me', 'a', 0],
    ],
    0,
  ],
  [
    'that of another user',
    [
      ['me', 'a', 0],
      ['you', 'b', 0],
    ],
    0,
  ],
])('%s', (_, reads, count) => {
  const changes = new CatalogChanges();
  for (const [user, version, known] of reads) changes.read('db', user, { version, changes: known });
  expect(changes.count('db')).toBe(count);
});

test('names that a session defines count for the others until it is done', () => {
  const changes = new CatalogChanges();
  const [one, other] = [{}, {}];
  changes.define('db', one, new Set(['a']));
  expect(changes.definedBeside('db', other)?.names).toEqual(new Set(['a']));
  expect(changes.definedBeside('db', one)).toBeUndefined();
  expect(changes.definedBeside('else', other)).toBeUndefined();
  changes.define('db', one, new Set());
  expect(changes.definedBeside('db', other)).toBeUndefined();
});
