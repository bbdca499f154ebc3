import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openIndex } from './index-database.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-index-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function opened(): DatabaseSync {
  const index = openIndex(join(folder, 'index.sqlite'));
  if (!index.ok) throw new Error(index.fault.message);
  return index.value;
}

test('the open sessions of a gate are found without looking at those of others, and what is old without looking at what is young', () => {
  const index = opened();
  const plan = (sql: string): string => JSON.stringify(index.prepare(`explain query plan ${sql}`).all());
  expect(plan("update sessions set heard_us = 1 where gate = 'g' and closed_us is null")).toContain('sessions_of_gate');
  const old =
    'select * from sessions where closed_us is not null and heard_us < 1 order by heard_us, last_event_us limit 1';
  expect(plan(old)).toContain('sessions_kept');
  expect(plan(old)).not.toContain('TEMP B-TREE');
  index.close();
});

test('an index that an older program made gets what it lacks', () => {
  opened().close();
  const older = new DatabaseSync(join(folder, 'index.sqlite'));
  older.exec('drop index sessions_kept; drop index sessions_of_gate');
  older.exec('create index sessions_ended on sessions (last_event_us) where closed_us is not null');
  older.close();
  const index = opened();
  const names = index.prepare("select name from sqlite_master where type = 'index' and name like 'sessions_%'").all();
  expect(names.map(({ name }) => name)).toEqual(expect.arrayContaining(['sessions_kept', 'sessions_of_gate']));
  expect(names.map(({ name }) => name)).not.toContain('sessions_ended');
  index.close();
});
