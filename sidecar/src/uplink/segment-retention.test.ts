import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { segmentName } from '../spool/segment.ts';
import { SegmentRetention } from './segment-retention.ts';
import { SessionQueue } from './session-queue.ts';
import { SpareMemory } from './spare-memory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-retention-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('segments that could not be deleted once are deleted with the next word from the store', () => {
  let failures = 1;
  const deleted: number[] = [];
  const memory = new SpareMemory(0);
  const retention = new SegmentRetention(
    folder,
    () => {
      failures -= 1;
      if (failures >= 0) throw new Error('as told');
    },
    ({ number }) => deleted.push(number),
  );
  const [one, two] = [new SessionQueue('one', 'g', memory), new SessionQueue('two', 'g', memory)];
  for (const number of [1, 2]) {
    writeFileSync(join(folder, segmentName(number)), 'x');
    retention.appears(number, one);
    retention.needs(number, one, number);
    retention.ended(number, 1);
  }
  one.acknowledge(2, new Uint8Array());
  expect(() => retention.acknowledged(one)).toThrow('as told');
  expect(deleted).toEqual([]);
  retention.acknowledged(two);
  expect(deleted).toEqual([1, 2]);
  expect([1, 2].map((number) => existsSync(join(folder, segmentName(number))))).toEqual([false, false]);
  expect(one.segments).toBe(0);
});

test('a segment that is read again is deleted no earlier than when the store has its last event', () => {
  const deleted: number[] = [];
  const retention = new SegmentRetention(
    folder,
    () => {},
    ({ number }) => deleted.push(number),
  );
  const queue = new SessionQueue('s', 'g', new SpareMemory(0));
  writeFileSync(join(folder, segmentName(1)), 'x');
  for (const sequence of [1, 2]) retention.needs(1, queue, sequence);
  retention.ended(1, 1);
  retention.needs(1, queue, 1);
  for (const [sequence, expected] of [[1, []] as const, [2, [1]] as const]) {
    queue.acknowledge(sequence, new Uint8Array());
    retention.acknowledged(queue);
    expect(deleted).toEqual(expected);
  }
});
