import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { frameOf } from './frame.ts';
import { ProgressJournal, readProgress, type SessionProgress } from './progress.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-progress-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'progress');
const progress = (sessionId: string, acked: number): SessionProgress => ({
  sessionId,
  gateId: 'g',
  acked,
  sha256: 'ab',
  sealed: 0,
  closed: false,
  refused: false,
});
const ackedIn = () => [...readProgress(folder).values()].map(({ sessionId, acked }) => `${sessionId} ${acked}`);

test('the newest word about a session counts', () => {
  const journal = new ProgressJournal(folder, readProgress(folder));
  for (const acked of [1, 2, 3]) journal.write(progress('a', acked));
  journal.write(progress('b', 7));
  expect(ackedIn()).toEqual(['a 3', 'b 7']);
});

test('a line that was cut short is not read, wherever it was cut; the ones before it are', () => {
  const journal = new ProgressJournal(folder, new Map());
  journal.write(progress('a', 1));
  journal.close();
  const whole = readFileSync(file());
  const line = frameOf(Buffer.from(JSON.stringify(progress('a', 2))));
  for (let length = 0; length < line.length; length += 1) {
    writeFileSync(file(), Buffer.concat([whole, line.subarray(0, length)]));
    expect(ackedIn()).toEqual(['a 1']);
  }
  writeFileSync(file(), Buffer.concat([whole, line]));
  expect(ackedIn()).toEqual(['a 2']);
});

test.each([
  ['is whole but says nothing', frameOf(Buffer.from('{"sessionId":"b"}'))],
  ['is whole but no JSON', frameOf(Buffer.from('{'))],
])('a line that %s is passed over', (_name, line) => {
  const journal = new ProgressJournal(folder, new Map());
  journal.write(progress('a', 1));
  appendFileSync(file(), line);
  journal.write(progress('a', 2));
  expect(ackedIn()).toEqual(['a 2']);
});

test('what is forgotten is gone when the file is written anew', () => {
  const journal = new ProgressJournal(folder, new Map());
  journal.write(progress('a', 1));
  journal.write(progress('b', 1));
  journal.forget('a');
  journal.close();
  new ProgressJournal(folder, new Map(journal.sessions)).close();
  expect(ackedIn()).toEqual(['b 1']);
});

test('the file does not grow without end', () => {
  const journal = new ProgressJournal(folder, new Map());
  for (let acked = 1; acked <= 60_000; acked += 1) journal.write(progress('a', acked));
  expect(statSync(file()).size).toBeLessThan(5 * 1024 * 1024);
  expect(ackedIn()).toEqual(['a 60000']);
});

test('what cannot be written now is written with the next line that can', () => {
  // A folder in its place keeps the file from being made.
  mkdirSync(`${file()}.new`);
  const journal = new ProgressJournal(folder, new Map());
  journal.write(progress('a', 1));
  journal.sync();
  expect(ackedIn()).toEqual([]);
  rmSync(`${file()}.new`, { recursive: true });
  journal.write(progress('b', 1));
  expect(ackedIn()).toEqual(['a 1', 'b 1']);
});
