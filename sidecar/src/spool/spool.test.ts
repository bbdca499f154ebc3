import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeEvent, type NumberedEvent, type Opened } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { SegmentFeed } from '../uplink/segment-feed.ts';
import { segmentName } from './segment.ts';
import { openSpool, SPOOL_LIMITS, type Spool, type SpoolLimits } from './spool.ts';
import { NODE_FILES, type SpoolFiles } from './spool-files.ts';

let folder: string;
let spools: Spool[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-spool-'));
  spools = [];
});
afterEach(async () => {
  for (const spool of spools) await spool.close(AbortSignal.abort());
  rmSync(folder, { recursive: true });
});

function open(limits: Partial<SpoolLimits> = {}, files: SpoolFiles = NODE_FILES): Spool {
  const quick = { lockWaitMs: 0, roomCheckMs: 1 };
  const opening = openSpool({
    folder,
    gateId: 'g',
    nowUs: () => 7,
    limits: { ...SPOOL_LIMITS, ...quick, ...limits },
    files,
  });
  if (!opening.ok) throw new Error(opening.fault.message);
  spools.push(opening.value);
  return opening.value;
}

/** As if the process had ended: nothing is finished, only the lock is gone. */
async function abandon(spool: Spool): Promise<void> {
  spools = spools.filter((one) => one !== spool);
  await spool.close(AbortSignal.abort());
}

const opened = (sessionId: string): Opened => sampleOpened({ sessionId });
const remark = (text: string) => ({ kind: 'Remark', atUs: 2, code: 'C', text }) as const;
const closed = { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' } as const;

/** Everything in the folder, by session, in order. */
function recorded(): Record<string, readonly NumberedEvent[]> {
  const feed = new SegmentFeed(folder, () => ({ segment: 1_000_000, offset: 0 }));
  const sessions: Record<string, NumberedEvent[]> = {};
  for (let entry = feed.next(); entry !== undefined; entry = feed.next()) {
    if (entry.kind !== 'Event') continue;
    const decoded = decodeEvent(entry.event);
    if (!decoded.ok) throw new Error(decoded.fault.message);
    expect(decoded.value.sequence).toBe(entry.sequence);
    (sessions[entry.sessionId] ??= []).push(decoded.value);
  }
  return sessions;
}

const kindsOf = (events: readonly NumberedEvent[] = []) =>
  events.map(({ sequence, event }) => `${sequence} ${event.kind}`);

/** The file system, with a disk that takes only so much and writes that can be told to fail. */
function limitedDisk() {
  const disk = { left: Number.POSITIVE_INFINITY, writes: 0, failWith: '', failTruncate: false };
  const failure = (code: string) => Object.assign(new Error(`as told: ${code}`), { code });
  const files: SpoolFiles = {
    ...NODE_FILES,
    writev: (file, slices) => {
      disk.writes += 1;
      if (disk.failWith !== '') throw failure(disk.failWith);
      const whole = Buffer.concat(slices);
      if (disk.left === 0) throw failure('ENOSPC');
      const written = NODE_FILES.writev(file, [whole.subarray(0, disk.left)]);
      disk.left -= written;
      return written;
    },
    truncate: (file, bytes) => {
      if (disk.failTruncate) throw failure('EIO');
      NODE_FILES.truncate(file, bytes);
    },
    freeBytes: () => disk.left,
  };
  return { disk, files };
}

describe('a commit', () => {
  test('is one write of all that was gathered, by all sessions', () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    const one = spool.open(opened('one'), 'Spool');
    const two = spool.open(opened('two'), 'Spool');
    one.append(remark('a'));
    two.append(remark('b'));
    expect(disk.writes).toBe(0);
    expect(spool.commit()).toEqual({ ok: true, value: undefined });
    expect(disk.writes).toBe(1);
    expect(kindsOf(recorded()['one'])).toEqual(['1 Opened', '2 Remark']);
    expect(kindsOf(recorded()['two'])).toEqual(['1 Opened', '2 Remark']);
  });

  test('that must wait for a store ends in a fault at once when there is none', async () => {
    const spool = open();
    const record = spool.open(opened('s'), 'Central');
    expect(spool.commit().ok).toBe(true);
    expect(await record.stored).toMatchObject({ ok: false, fault: { code: 'StoreUnavailable' } });
    expect(kindsOf(recorded()['s'])).toEqual(['1 Opened']);
  });

  test('of nothing writes nothing', () => {
    const { disk, files } = limitedDisk();
    expect(open({}, files).commit().ok).toBe(true);
    expect(disk.writes).toBe(0);
  });

  test.each([
    ['at the limit', 10, 1],
    ['above the limit', 11, 2],
    ['far above the limit', 35, 4],
    ['empty', 0, 1],
  ])('keeps the bytes of an answer %s, in pieces', (_name, length, pieces) => {
    const spool = open({ pieceBytesMax: 10 });
    const bytes = Uint8Array.from({ length }, (_, index) => index);
    spool.open(opened('s'), 'Spool').append({ kind: 'AnswerPart', atUs: 1, commandId: 1, bytes });
    expect(spool.commit().ok).toBe(true);
    const parts = (recorded()['s'] ?? []).flatMap(({ event }) => (event.kind === 'AnswerPart' ? [event.bytes] : []));
    expect(parts).toHaveLength(pieces);
    expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
  });

  test('begins a new segment after one that is full, and introduces its sessions again', () => {
    const spool = open({ segmentBytesMax: 400 });
    const record = spool.open(opened('s'), 'Spool');
    for (let index = 0; index < 30; index += 1) {
      record.append({
        kind: 'AnswerPart',
        atUs: 1,
        commandId: index,
        bytes: new Uint8Array(index % 2 === 0 ? 90 : 9000),
      });
      expect(spool.commit().ok).toBe(true);
    }
    expect(segments().length).toBeGreaterThan(10);
    expect(recorded()['s']?.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 31 }, (_, index) => index + 1),
    );
  });
});

describe('a full disk', () => {
  test.each([
    ['at once', 0],
    ['in the middle of a write', 150],
  ])('%s: nothing half stays, nothing is lost, and it goes on when there is room', async (_name, left) => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    const record = spool.open(opened('s'), 'Spool');
    record.append(remark('before'));
    expect(spool.commit().ok).toBe(true);

    disk.left = left;
    record.append({ kind: 'AnswerPart', atUs: 1, commandId: 1, bytes: new Uint8Array(9000).fill(5) });
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolFull' } });
    expect(kindsOf(recorded()['s'])).toEqual(['1 Opened', '2 Remark']);
    record.append(remark('while full'));
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolFull' } });

    const room = spool.roomAgain(new AbortController().signal);
    disk.left = Number.POSITIVE_INFINITY;
    await room;
    expect(spool.commit().ok).toBe(true);
    expect(kindsOf(recorded()['s'])).toEqual(['1 Opened', '2 Remark', '3 AnswerPart', '4 Remark']);
  });

  test('does not gather the sessions that are refused while it lasts, but keeps one that was recorded before', () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    const before = spool.open(opened('before'), 'Spool');
    expect(spool.commit().ok).toBe(true);
    disk.left = 0;
    for (let index = 0; index < 100; index += 1) {
      const refused = spool.open(opened(`refused-${index}`), 'Spool');
      expect(spool.commit().ok).toBe(false);
      refused.append(closed);
    }
    before.append(closed);
    disk.left = Number.POSITIVE_INFINITY;
    expect(spool.commit().ok).toBe(true);
    expect(Object.keys(recorded())).toEqual(['before']);
    expect(kindsOf(recorded()['before'])).toEqual(['1 Opened', '2 Closed']);
  });

  test('that is over without a record that waits for it keeps one that opens and closes in one turn', () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    disk.left = 0;
    const refused = spool.open(opened('refused'), 'Spool');
    expect(spool.commit().ok).toBe(false);
    refused.append(closed);
    disk.left = Number.POSITIVE_INFINITY;
    expect(spool.commit().ok).toBe(true);
    spool.open(opened('short'), 'Spool').append(closed);
    expect(spool.commit().ok).toBe(true);
    expect(Object.keys(recorded())).toEqual(['short']);
  });

  test('does not end the wait before there is room, unless the caller gives up', async () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    spool.open(opened('s'), 'Spool');
    disk.left = 0;
    expect(spool.commit().ok).toBe(false);
    const giveUp = new AbortController();
    const order: string[] = [];
    const waiting = spool.roomAgain(giveUp.signal).then(() => order.push('ended'));
    order.push('gave up');
    giveUp.abort();
    await waiting;
    expect(order).toEqual(['gave up', 'ended']);
  });
});

describe('a broken disk', () => {
  test('is not a full one: the caller must refuse; a later write may do', () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    spool.open(opened('s'), 'Spool');
    disk.failWith = 'EIO';
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolBroken' } });
    disk.failWith = '';
    expect(spool.commit().ok).toBe(true);
    expect(kindsOf(recorded()['s'])).toEqual(['1 Opened']);
  });

  test('that keeps half a write ends the recording for good', () => {
    const { disk, files } = limitedDisk();
    const spool = open({}, files);
    spool.open(opened('s'), 'Spool');
    disk.left = 20;
    disk.failTruncate = true;
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolBroken' } });
    disk.left = Number.POSITIVE_INFINITY;
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolBroken' } });
  });
});

describe('the bound of the spool', () => {
  /** Bytes of one commit of one remark, measured. */
  function fill(limit: number): { readonly before: number; readonly after: boolean } {
    const spool = open({ spoolBytesMax: limit, segmentBytesMax: 1 });
    const record = spool.open(opened('s'), 'Spool');
    expect(spool.commit().ok).toBe(true);
    const before = spool.bytes;
    record.append(remark('x'));
    return { before, after: spool.commit().ok };
  }

  test('takes a commit that just fits and refuses one that is a byte larger', async () => {
    const size = await sizeOfTwo();
    expect(fill(size + 1).after).toBe(true);
    await startAgain();
    expect(fill(size).after).toBe(true);
    await startAgain();
    expect(fill(size - 1).after).toBe(false);
  });

  async function sizeOfTwo(): Promise<number> {
    fill(1_000_000);
    const size = spools.at(-1)?.bytes ?? 0;
    await startAgain();
    return size;
  }

  async function startAgain(): Promise<void> {
    for (const spool of spools) await abandon(spool);
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'sidegate-spool-'));
  }

  test('is lifted when a segment is gone, and an empty spool takes any commit', async () => {
    const spool = open({ spoolBytesMax: 4096 });
    const record = spool.open(opened('s'), 'Spool');
    expect(spool.commit().ok).toBe(true);
    record.append({ kind: 'AnswerPart', atUs: 1, commandId: 1, bytes: new Uint8Array(10_000) });
    expect(spool.commit()).toMatchObject({ ok: false, fault: { code: 'SpoolFull' } });
    const room = spool.roomAgain(new AbortController().signal);
    spool.removed(spool.bytes);
    await room;
    expect(spool.commit().ok).toBe(true);
  });
});

describe('a folder that another process left', () => {
  test('has its open sessions ended, once, and its closed ones left alone', async () => {
    const first = open();
    first.open(opened('open'), 'Spool').append(remark('a'));
    first.open(opened('closed'), 'Spool').append(closed);
    expect(first.commit().ok).toBe(true);
    await abandon(first);
    for (let start = 0; start < 3; start += 1) await abandon(open());
    expect(kindsOf(recorded()['open'])).toEqual(['1 Opened', '2 Remark', '3 Closed']);
    expect(recorded()['open']?.at(-1)?.event).toMatchObject({ code: 'GateStopped', atUs: 7 });
    expect(kindsOf(recorded()['closed'])).toEqual(['1 Opened', '2 Closed']);
  });

  test('loses nothing but the end that was never whole, wherever the write was cut', async () => {
    const first = open();
    const record = first.open(opened('s'), 'Spool');
    expect(first.commit().ok).toBe(true);
    record.append(remark('kept'));
    expect(first.commit().ok).toBe(true);
    const whole = readFileSync(join(folder, segmentName(1)));
    record.append(remark('torn'));
    expect(first.commit().ok).toBe(true);
    const torn = readFileSync(join(folder, segmentName(1))).subarray(whole.length);
    await abandon(first);
    for (let length = 0; length < torn.length; length += 1) {
      rmSync(folder, { recursive: true });
      folder = mkdtempSync(join(tmpdir(), 'sidegate-spool-'));
      writeFileSync(join(folder, segmentName(1)), Buffer.concat([whole, torn.subarray(0, length)]));
      const next = open();
      expect(next.leftovers).toMatchObject({ tornBytes: length, openSessions: [{ sessionId: 's', lastSequence: 2 }] });
      expect(kindsOf(recorded()['s'])).toEqual(['1 Opened', '2 Remark', '3 Closed']);
      await abandon(next);
    }
  });

  test('is taken over when it holds nothing but a beginning', async () => {
    writeFileSync(join(folder, segmentName(3)), '');
    appendFileSync(join(folder, segmentName(4)), Buffer.from([0, 0]));
    const spool = open();
    expect(segments()).toEqual([]);
    spool.open(opened('s'), 'Spool');
    expect(spool.commit().ok).toBe(true);
    expect(segments()).toEqual([segmentName(5)]);
  });

  test('belongs to one process at a time', async () => {
    const first = open();
    const second = () => openSpool({ folder, gateId: 'g', nowUs: () => 1, limits: { ...SPOOL_LIMITS, lockWaitMs: 0 } });
    expect(second()).toMatchObject({ ok: false, fault: { code: 'SpoolLocked', where: folder } });
    await abandon(first);
    const third = second();
    expect(third.ok).toBe(true);
    if (third.ok) spools.push(third.value);
  });

  test('cannot be a file', () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    const opening = openSpool({ folder: path, gateId: 'g', nowUs: () => 1, limits: SPOOL_LIMITS });
    expect(opening).toMatchObject({ ok: false, fault: { code: 'SpoolBroken' } });
  });
});

test('nothing can be recorded after Closed', () => {
  const record = open().open(opened('s'), 'Spool');
  record.append(closed);
  expect(() => record.append(remark('late'))).toThrow('after Closed');
});

function segments(): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.spool'));
}
