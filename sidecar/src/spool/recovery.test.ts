import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { frameOf } from './frame.ts';
import { recoverSegments } from './recovery.ts';
import { headFrame, segmentName, sessionFrame } from './segment.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-recovery-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const WHOLE = Buffer.concat([headFrame('g'), sessionFrame(1, 's')]);
const SUM_WRONG = frameOf(Buffer.from('changed'));
SUM_WRONG[SUM_WRONG.length - 1] = 0;
/** A frame of a kind that this version does not know. */
const NEWER = frameOf(Buffer.from([99, 1, 2, 3]));
const CUT = SUM_WRONG.subarray(0, -1);

const write = (number: number, ...parts: readonly Uint8Array[]) =>
  writeFileSync(join(folder, segmentName(number)), Buffer.concat(parts));
const bytesOf = (number: number) => readFileSync(join(folder, segmentName(number))).length;
const recover = () => recoverSegments(folder, new Map());

describe('of the last segment', () => {
  test.each([
    ['a frame that is cut short', CUT],
    ['the head of a frame that is cut short', CUT.subarray(0, 5)],
  ])('%s is cut off: nobody was told that it is recorded', (_name, end) => {
    write(1, WHOLE, end);
    expect(recover()).toMatchObject({ bytes: WHOLE.length, tornBytes: end.length });
    expect(bytesOf(1)).toBe(WHOLE.length);
  });

  test.each([
    ['a frame that was changed', SUM_WRONG],
    ['a frame that a newer version wrote', NEWER],
  ])('%s is left, with what follows: no write that was cut short leaves it', (_name, frame) => {
    write(1, WHOLE, frame, WHOLE);
    const total = 2 * WHOLE.length + frame.length;
    expect(recover()).toMatchObject({ bytes: total, tornBytes: 0 });
    expect(bytesOf(1)).toBe(total);
  });
});

test.each([
  ['last', 1],
  ['first of two', 2],
])('a segment that is damaged from its beginning is left for the uplink to set aside: the %s', (_name, count) => {
  write(1, SUM_WRONG, WHOLE);
  if (count === 2) write(2, WHOLE);
  const total = SUM_WRONG.length + count * WHOLE.length;
  expect(recover()).toMatchObject({ bytes: total, tornBytes: 0, lastSegment: count });
  expect(readdirSync(folder)).toHaveLength(count);
});

test.each([
  ['of no bytes', Buffer.alloc(0)],
  ['with nothing but the beginning of a frame', CUT],
])('a segment %s is removed when it is the last', (_name, bytes) => {
  write(1, WHOLE);
  write(2, bytes);
  expect(recover()).toMatchObject({ bytes: WHOLE.length, tornBytes: bytes.length, lastSegment: 2 });
  expect(readdirSync(folder)).toEqual([segmentName(1)]);
});
