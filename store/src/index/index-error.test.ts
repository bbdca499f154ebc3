import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { isOfTheIndex } from './index-error.ts';

/** An index that has no room for a blob of a page. */
function fullDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  database.exec('create table t (a integer not null) strict; create table b (a blob); pragma max_page_count = 3');
  return database;
}

test.each<[what: string, act: (database: DatabaseSync) => unknown, ofTheIndex: boolean]>([
  ['a full disk', (database) => database.prepare('insert into b values (?)').run(new Uint8Array(100_000)), true],
  ['a table that is not there', (database) => database.exec('select * from nothing'), true],
  ['a number that is no integer', (database) => database.prepare('insert into t values (?)').run(2 ** 64), false],
  ['a value that is missing', (database) => database.prepare('insert into t values (?)').run(null), false],
  ['a text that is too long', (database) => database.exec('select zeroblob(2000000000)'), false],
  ['a value of no kind that there is', (database) => database.prepare('select ?').get({} as never, {} as never), false],
])('%s', (_what, act, ofTheIndex) => {
  let error: unknown;
  try {
    act(fullDatabase());
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeDefined();
  expect(isOfTheIndex(error)).toBe(ofTheIndex);
});
