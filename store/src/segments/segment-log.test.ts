import { appendFileSync, chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testDirectory } from '../testing/store-process.ts';
import { FRAME_HEADER_BYTES, frameHeader, readFrame } from './frame.ts';
import { SegmentLog } from './segment-log.ts';

let directory: string;
let log: SegmentLog;

beforeEach(async () => {
  directory = testDirectory();
  log = await SegmentLog.open(directory, 100);
});
afterEach(async () => {
  await log.close();
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

const body = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);

async function append(...bodies: readonly Uint8Array[]) {
  const written = await log.append(bodies);
  if (!written.ok) throw new Error(written.fault.message);
  return written.value;
}

describe('a frame', () => {
  test('read back is the body, and no other byte string is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const frame = Buffer.concat([frameHeader(bytes), bytes]);
        expect(readFrame(frame)).toEqual({ kind: 'Frame', body: Buffer.from(bytes) });
        expect(readFrame(frame.subarray(0, -1))).toEqual({ kind: 'Torn' });
        const place = at % frame.length;
        frame[place] = (frame[place] ?? 0) ^ flip;
        const changed = readFrame(frame);
        expect(changed.kind).not.toBe('Frame');
      }),
    );
  });

  test('of zeros, as a file system may leave them, is torn', () => {
    expect(readFrame(new Uint8Array(64))).toEqual({ kind: 'Torn' });
  });
});

describe('a segment log', () => {
  test('gives back what was written, also after it was opened again', async () => {
    const places = await append(body(10, 1), body(20, 2));
    expect(places).toEqual([
      { segment: 1, offset: 0, length: 10 },
      { segment: 1, offset: 18, length: 20 },
    ]);
    await log.close();
    log = await SegmentLog.open(directory, 100);
    expect(places.map((place) => log.read(place))).toEqual([
      { ok: true, value: Buffer.from(body(10, 1)) },
      { ok: true, value: Buffer.from(body(20, 2)) },
    ]);
  });

  test.each([
    [91, 1],
    [92, 2],
  ])('begins a new file once one is full: %i bytes', async (length, segment) => {
    await append(body(length));
    expect(await append(body(1))).toMatchObject([{ segment }]);
  });

  test('tells of all that is read, whoever reads it', async () => {
    const places = await append(body(10), body(20));
    const told: number[] = [];
    const other = await SegmentLog.open(directory, 100, (bytes) => told.push(bytes));
    for (const place of places) other.read(place);
    await other.close();
    expect(told).toEqual([10 + FRAME_HEADER_BYTES, 20 + FRAME_HEADER_BYTES]);
  });

  test('never writes into a file that another process left', async () => {
    await append(body(10));
    await log.close();
    log = await SegmentLog.open(directory, 100);
    expect(await append(body(10))).toMatchObject([{ segment: 2, offset: 0 }]);
    expect(log.segments).toEqual([
      { segment: 1, bytes: 18 },
      { segment: 2, bytes: 18 },
    ]);
  });

  test('finds all whole frames before a write that was cut short', async () => {
    const places = await append(body(10), body(20));
    await log.close();
    const frame = Buffer.concat([frameHeader(body(30)), body(30)]);
    for (let cut = 1; cut < frame.length; cut += 1) {
      const copy = testDirectory();
      const other = await SegmentLog.open(copy, 100);
      await other.append([body(10), body(20)]);
      await other.close();
      appendFileSync(join(copy, readdirSync(copy)[0] ?? ''), frame.subarray(0, cut));
      const found = (await SegmentLog.open(copy, 100)).examine(1, 0);
      expect(found).toEqual({ frames: places, damaged: [], tornBytes: cut, bytes: 46 + cut });
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test('says so when the disk does not take it, and goes on in a new file', async () => {
    await append(body(10));
    // Nothing can be made in a folder that is gone.
    await log.seal();
    rmSync(directory, { recursive: true, force: true });
    expect(await log.append([body(10)])).toMatchObject({ ok: false, fault: { code: 'StoreBroken' } });
    log = await SegmentLog.open(directory, 100);
    expect(await append(body(10))).toMatchObject([{ offset: 0 }]);
  });

  test('reads nothing from a place that it does not have', async () => {
    const [place] = await append(body(10));
    if (place === undefined) throw new Error('a place was expected');
    for (const wrong of [{ segment: 9 }, { offset: 1 }, { length: 9 }, { length: 11 }, { offset: 18 }]) {
      expect(log.read({ ...place, ...wrong })).toMatchObject({ ok: false, fault: { code: 'Damaged' } });
    }
    expect(log.read(place).ok).toBe(true);
    expect(FRAME_HEADER_BYTES).toBe(8);
  });
});
