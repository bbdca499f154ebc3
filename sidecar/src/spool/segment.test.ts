import { expect, test } from '@jest/globals';
import { RUN_EVENT_HEAD_BYTES, RUN_HEAD_BYTES, RunReader, writeRunEventHead, writeRunHead } from './segment.ts';

/** A run of session 7 from event 41 on; each event is its number, as often as `lengths` says. */
function run(lengths: readonly number[]): Buffer {
  const body = Buffer.alloc(RUN_HEAD_BYTES + lengths.reduce((sum, length) => sum + RUN_EVENT_HEAD_BYTES + length, 0));
  writeRunHead(body, 0, 7, 41);
  let at = RUN_HEAD_BYTES;
  for (const [place, length] of lengths.entries()) {
    writeRunEventHead(body, at, place, length);
    at += RUN_EVENT_HEAD_BYTES;
    body.fill(41 + place, at, at + length);
    at += length;
  }
  return body;
}

function read(body: Buffer): readonly string[] {
  const reader = RunReader.open(body);
  const words: string[] = [];
  for (let entry = reader?.next(); entry !== undefined; entry = reader?.next()) {
    words.push(`${entry.index} ${entry.sequence} ${entry.flags} ${entry.event.toString('hex')}`);
  }
  return reader?.isOver === true ? words : [...words, 'broken'];
}

test('a run gives its events with their own numbers and flags', () => {
  expect(read(run([1, 0, 2]))).toEqual(['7 41 0 29', '7 42 1 ', '7 43 2 2b2b']);
});

test('a run that ends inside an event gives none in its place', () => {
  const body = run([1, 2]);
  expect(read(body.subarray(0, -1))).toEqual(['7 41 0 29', 'broken']);
  expect(read(body.subarray(0, RUN_HEAD_BYTES + RUN_EVENT_HEAD_BYTES + 3))).toEqual(['7 41 0 29', 'broken']);
});

test('another frame is no run', () => {
  const body = run([1]);
  body[0] = 3;
  expect(RunReader.open(body)).toBeUndefined();
  expect(RunReader.open(run([]))).toBeUndefined();
});
