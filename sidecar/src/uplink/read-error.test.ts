import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { verifySession } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import { BadDisk } from '../spool/bad-disk.ts';
import { segmentName } from '../spool/segment.ts';
import { FakeStore } from './fake-store.ts';
import { DEADLINE_MS, OneThreadGate, type OneThreadGateOptions, turnsUntil } from './one-thread-gate.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
let store: FakeStore;
let disk: BadDisk;
let gate: OneThreadGate | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-read-error-'));
  store = new FakeStore();
  disk = new BadDisk();
});
afterEach(async () => {
  await gate?.stop();
  gate = undefined;
  rmSync(folder, { recursive: true });
});

/** A gate whose commits have a segment each. */
function start(options: Partial<OneThreadGateOptions> = {}): OneThreadGate {
  gate = new OneThreadGate({ folder, store, files: disk.files, spoolLimits: { segmentBytesMax: 1 }, ...options });
  return gate;
}

const opened = (sessionId: string) => sampleOpened({ sessionId });
const remark = { kind: 'Remark', atUs: 2, code: 'C', text: 'x' } as const;
const closed = { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' } as const;

function recordWhole(running: OneThreadGate, sessionId: string): void {
  running.spool.open(opened(sessionId), 'Spool').append(closed);
  running.commit();
}

const verdictOf = (sessionId: string) => verifySession(store.sessions.get(sessionId)?.chunks ?? [], sessionId);
const isWhole = (sessionId: string) => verdictOf(sessionId).kind === 'Complete';
const heldOf = (sessionId: string) => store.sessions.get(sessionId)?.events.length ?? 0;
const segments = () => readdirSync(folder).filter((name) => name.endsWith('.spool'));
const kinds = (running: OneThreadGate) =>
  running.notices.map(({ kind }) => kind).filter((kind) => kind.startsWith('Se'));

describe('a segment that cannot be read', () => {
  test('is named once, stops nothing behind it, and goes by itself once it can be read', async () => {
    const running = start();
    for (const sessionId of ['before', 'bad', 'after']) recordWhole(running, sessionId);
    disk.bad.set(2, 0);
    running.startUplink();
    await turnsUntil(() => isWhole('before') && isWhole('after'));
    expect(running.notices).toContainEqual({ kind: 'SegmentUnreadable', segment: 2, reason: 'EIO: i/o error, read' });
    recordWhole(running, 'later');
    await turnsUntil(() => isWhole('later') && segments().length === 1);
    expect(segments()).toEqual([segmentName(2)]);
    expect(store.sessions.has('bad')).toBe(false);
    disk.bad.clear();
    await turnsUntil(() => isWhole('bad') && segments().length === 0);
    expect(kinds(running)).toEqual(['SegmentUnreadable', 'SegmentReadable']);
    expect(running.spool.bytes).toBe(0);
    expect(store.alarms).toEqual([]);
  });

  test('is not called sent: nobody hears that all is stored while it is there', async () => {
    const running = start();
    recordWhole(running, 'bad');
    disk.bad.set(1, 0);
    running.startUplink();
    await running.noticed('SegmentUnreadable');
    let drained = false;
    const draining = running.drained().then(() => void (drained = true));
    recordWhole(running, 'good');
    await turnsUntil(() => isWhole('good') && segments().length === 1);
    expect(drained).toBe(false);
    disk.bad.clear();
    await draining;
    expect(isWhole('bad')).toBe(true);
  });

  test.each([
    ['all of it', () => 0],
    ['its end', (size: number) => size - 1],
  ])(
    '(%s) keeps what follows of its sessions, which are neither refused nor told to be stored',
    async (_what, from) => {
      const running = start();
      const record = running.spool.open(opened('s'), 'Central');
      running.commit();
      const size = running.spool.bytes;
      record.append(remark);
      running.commit();
      const badSize = running.spool.bytes - size;
      disk.bad.set(2, from(badSize));
      record.append(remark);
      running.startUplink();
      running.commit();
      let stored = 0;
      void record.stored?.then(({ ok }) => (stored += ok ? 1 : 0));
      recordWhole(running, 'good');
      await turnsUntil(() => isWhole('good') && heldOf('s') === 1 && segments().length === 2);
      for (let count = 0; count < 100; count += 1) await new Promise((turned) => void setImmediate(turned));
      expect([stored, heldOf('s'), existsSync(join(folder, 'aside'))]).toEqual([0, 1, false]);
      disk.bad.clear();
      record.append(closed);
      running.commit();
      await turnsUntil(() => isWhole('s') && segments().length === 0);
      await record.stored;
      expect(stored).toBe(1);
      expect(kinds(running)).toEqual(['SegmentUnreadable', 'SegmentReadable']);
      expect(store.alarms).toEqual([]);
    },
  );

  test('takes no memory from the others, however much follows in its sessions', async () => {
    const running = start({ limits: { memoryBytesMax: 1000 } });
    const record = running.spool.open(opened('s'), 'Spool');
    running.commit();
    disk.bad.set(1, 0);
    for (let count = 0; count < 20; count += 1) {
      record.append({ kind: 'AnswerPart', atUs: 2, commandId: 1, bytes: new Uint8Array(500) });
      running.commit();
    }
    running.startUplink();
    recordWhole(running, 'good');
    await turnsUntil(() => isWhole('good'));
    disk.bad.clear();
    record.append(closed);
    running.commit();
    await turnsUntil(() => isWhole('s') && segments().length === 0);
  });

  test('does not have others that are damaged told of again', async () => {
    const running = start({ limits: { asideBytesMax: 10 } });
    for (const sessionId of ['held', 'damaged']) running.spool.open(opened(sessionId), 'Spool').append(closed);
    running.commit();
    const path = join(folder, segmentName(1));
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(path, bytes);
    recordWhole(running, 'bad');
    disk.bad.set(2, 0);
    // There is no room aside, so its segment stays and is read again as well.
    store.behave = ({ sessionId }) => (sessionId === 'held' ? Status.FORK : 'Answer');
    running.startUplink();
    await running.noticed('SessionRefused');
    for (let count = 0; count < 100; count += 1) await new Promise((turned) => void setImmediate(turned));
    expect(kinds(running).toSorted()).toEqual(['SegmentDamaged', 'SegmentUnreadable', 'SessionRefused']);
    expect(segments()).toEqual([1, 2].map(segmentName));
  });

  test('while it is being written is written no further, so that new sessions go', async () => {
    const running = start({ spoolLimits: { segmentBytesMax: 1_000_000 } }).startUplink();
    const record = running.spool.open(opened('s'), 'Spool');
    running.commit();
    await turnsUntil(() => heldOf('s') === 1);
    disk.bad.set(1, running.spool.bytes);
    record.append(remark);
    running.commit();
    await running.noticed('SegmentUnreadable');
    recordWhole(running, 'good');
    await turnsUntil(() => isWhole('good'));
    disk.bad.clear();
    record.append(closed);
    running.commit();
    await turnsUntil(() => isWhole('s') && segments().length === 1);
    expect(segments()).toEqual([segmentName(2)]);
    expect(store.alarms).toEqual([]);
  });
});

describe('a gate that is started with a segment that cannot be read', () => {
  test('works, and ends of the sessions that were open only those of which it knows the last event', async () => {
    const first = start();
    const [early, late] = [first.spool.open(opened('early'), 'Spool'), first.spool.open(opened('late'), 'Spool')];
    first.commit();
    early.append(remark);
    late.append(remark);
    first.spool.open(opened('inside'), 'Spool');
    first.commit();
    late.append(remark);
    first.commit();
    await first.stop();
    disk.bad.set(2, 0);
    const second = start().startUplink();
    expect(second.spool.leftovers.openSessions).toEqual([{ sessionId: 'late', lastSequence: 3 }]);
    recordWhole(second, 'good');
    await turnsUntil(() => isWhole('good') && heldOf('early') === 1);
    await second.stop();
    disk.bad.clear();
    await start().startUplink().drained();
    expect(['early', 'late', 'inside'].map((sessionId) => [isWhole(sessionId), heldOf(sessionId)])).toEqual([
      [true, 3],
      [true, 4],
      [true, 2],
    ]);
    expect(store.alarms).toEqual([]);
    expect(segments()).toEqual([]);
  });

  test('leaves it as it is, also where it is the last', async () => {
    const first = start();
    first.spool.open(opened('s'), 'Spool');
    first.commit();
    const { bytes } = first.spool;
    await first.stop();
    disk.bad.set(1, 10);
    const second = start();
    expect(second.spool.leftovers).toMatchObject({ openSessions: [], tornBytes: 0, bytes, lastSegment: 1 });
    await second.stop();
    disk.bad.clear();
    await start().startUplink().drained();
    expect(isWhole('s')).toBe(true);
  });
});
