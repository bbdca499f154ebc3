import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FRAME_HEAD_BYTES, frameOf } from '../spool/frame.ts';
import { EVENT_HEAD_BYTES, headFrame, segmentName, sessionFrame, writeEventHead } from '../spool/segment.ts';
import type { SpoolEnd } from '../spool/segment-writer.ts';
import { SegmentFeed } from './segment-feed.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-feed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function eventFrame(index: number, sequence: number, length: number): Buffer {
  const body = Buffer.alloc(EVENT_HEAD_BYTES + length, sequence);
  writeEventHead(body, 0, 0, index, sequence);
  return frameOf(body);
}

/** A segment with one session and events of those lengths. */
function segment(number: number, sessionId: string, lengths: readonly number[]): readonly Buffer[] {
  const events = lengths.map((length, place) => eventFrame(1, number * 100 + place, length));
  return [headFrame(`gate-${number}`), sessionFrame(1, sessionId), ...events];
}

function write(number: number, frames: readonly Buffer[]): void {
  writeFileSync(join(folder, segmentName(number)), Buffer.concat(frames));
}

/** All that comes now, one word each. */
function drain(feed: SegmentFeed): readonly string[] {
  const words: string[] = [];
  for (let entry = feed.next(); entry !== undefined; entry = feed.next()) {
    if (entry.kind === 'Session') words.push(`${entry.sessionId} of ${entry.gateId}`);
    if (entry.kind === 'Event') words.push(`${entry.sessionId} ${entry.sequence} ${entry.event.length}`);
    if (entry.kind === 'End') words.push(`end of ${entry.segment}, ${entry.lostBytes} lost`);
  }
  return words;
}

test('reads segments in order, larger than a block and with gaps in their numbers', () => {
  write(2, segment(2, 'a', [10, 300_000, 0]));
  write(5, segment(5, 'b', [600_000]));
  const feed = new SegmentFeed(folder, () => ({ segment: 9, offset: 0 }));
  expect(drain(feed)).toEqual([
    'a of gate-2',
    'a 200 10',
    'a 201 300000',
    'a 202 0',
    'end of 2, 0 lost',
    'b of gate-5',
    'b 500 600000',
    'end of 5, 0 lost',
  ]);
});

test('reads no further than what is written, event by event, although more lies in the file', () => {
  const frames = segment(1, 'a', [5, 50, 500]);
  write(1, frames);
  let end: SpoolEnd = { segment: 1, offset: 0 };
  const feed = new SegmentFeed(folder, () => end);
  const seen: string[] = [];
  let offset = 0;
  for (const frame of frames) {
    end = { segment: 1, offset: offset + frame.length - 1 };
    expect(drain(feed)).toEqual([]);
    offset += frame.length;
    end = { segment: 1, offset };
    seen.push(...drain(feed));
  }
  expect(seen).toEqual(['a of gate-1', 'a 100 5', 'a 101 50', 'a 102 500']);
  end = { segment: 2, offset: 0 };
  expect(drain(feed)).toEqual(['end of 1, 0 lost']);
  write(2, segment(2, 'a', [1]));
  end = { segment: 2, offset: 1_000_000 };
  expect(drain(feed)).toEqual(['a of gate-2', 'a 200 1']);
});

test('says how much of a segment was lost to damage, and goes on with the next', () => {
  const frames = segment(1, 'a', [20, 20, 20]);
  const damaged = Buffer.from(frames[3] ?? Buffer.alloc(0));
  damaged[FRAME_HEAD_BYTES + 15] = 0xff;
  write(1, frames.with(3, damaged));
  write(2, segment(2, 'a', [1]));
  const feed = new SegmentFeed(folder, () => ({ segment: 3, offset: 0 }));
  const lost = 2 * (FRAME_HEAD_BYTES + EVENT_HEAD_BYTES + 20);
  expect(drain(feed)).toEqual([
    'a of gate-1',
    'a 100 20',
    `end of 1, ${lost} lost`,
    'a of gate-2',
    'a 200 1',
    'end of 2, 0 lost',
  ]);
});
