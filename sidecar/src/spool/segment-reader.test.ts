import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { BadDisk } from './bad-disk.ts';
import { frameOf } from './frame.ts';
import { EVENT_HEAD_BYTES, segmentName, writeEventHead } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segment-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function eventFrame(sequence: number, length: number): Buffer {
  const body = Buffer.alloc(EVENT_HEAD_BYTES + length, sequence);
  writeEventHead(body, 0, 0, 1, sequence);
  return frameOf(body);
}

test('entries come out whole and in order, wherever blocks and what is written end', () => {
  // Blocks are of 256 KiB: frames are far smaller, about as large, and larger.
  const length = fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 100_000, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(length, { maxLength: 12 }), fc.array(fc.nat({ max: 1_000_000 })), (lengths, steps) => {
      const frames = lengths.map((size, at) => eventFrame(at + 1, size));
      const bytes = Buffer.concat(frames);
      writeFileSync(join(folder, segmentName(1)), bytes);
      const reader = new SegmentReader(folder, 1);
      try {
        const read: number[] = [];
        let end = 0;
        for (const step of [...steps, bytes.length]) {
          end = Math.min(end + step, bytes.length);
          for (let entry = reader.next(end); entry !== undefined; entry = reader.next(end)) {
            if (entry.kind !== 'Event') throw new Error(entry.kind);
            expect(entry.sequence).toBe(read.length + 1);
            expect(entry.event.equals(Buffer.alloc(lengths[read.length] ?? 0, entry.sequence))).toBe(true);
            read.push(entry.event.length);
          }
          expect(reader.offset).toBeLessThanOrEqual(end);
        }
        expect(read).toEqual(lengths);
        expect(reader.offset).toBe(bytes.length);
      } finally {
        reader.close();
      }
    }),
    { numRuns: 60 },
  );
});

test('all that stands whole before a place that cannot be read comes out, and then an error, not an end', () => {
  const length = fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 100_000, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 8 }), fc.nat(), (lengths, seed) => {
      const frames = lengths.map((size, at) => eventFrame(at + 1, size));
      const bytes = Buffer.concat(frames);
      const bad = seed % bytes.length;
      let whole = 0;
      for (let at = frames[0]?.length ?? 0; at <= bad; at += frames[whole]?.length ?? 1) whole += 1;
      writeFileSync(join(folder, segmentName(1)), bytes);
      const disk = new BadDisk();
      disk.bad.set(1, bad);
      const reader = new SegmentReader(folder, 1, disk.files);
      try {
        for (let count = 1; count <= whole; count += 1)
          expect(reader.next(bytes.length)).toMatchObject({ kind: 'Event', sequence: count });
        for (let again = 0; again < 2; again += 1) expect(() => reader.next(bytes.length)).toThrow('EIO');
        disk.bad.clear();
        expect(reader.next(bytes.length)).toMatchObject({ kind: 'Event', sequence: whole + 1 });
      } finally {
        reader.close();
      }
    }),
    { numRuns: 60 },
  );
});
