import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { verifySession } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import { AsideReader } from './aside-reader.ts';
import { FakeStore } from './fake-store.ts';
import { DEADLINE_MS, OneThreadGate, type OneThreadGateOptions, turnsUntil } from './one-thread-gate.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
let store: FakeStore;
let gate: OneThreadGate | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-stuck-'));
  store = new FakeStore();
});
afterEach(async () => {
  await gate?.stop();
  gate = undefined;
  rmSync(folder, { recursive: true });
});

function start(options: Partial<OneThreadGateOptions> = {}): OneThreadGate {
  gate = new OneThreadGate({ folder, store, ...options });
  return gate.startUplink();
}

const opened = (sessionId: string) => sampleOpened({ sessionId });
const answer = (length: number) =>
  ({ kind: 'AnswerPart', atUs: 2, commandId: 1, bytes: new Uint8Array(length).fill(3) }) as const;
const closed = { kind: 'Closed', atUs: 3, code: 'AgentLeft', reason: '' } as const;

function recordWhole(running: OneThreadGate, sessionId: string): void {
  running.spool.open(opened(sessionId), 'Spool').append(closed);
  running.commit();
}

const segments = () => readdirSync(folder).filter((name) => name.endsWith('.spool'));

const verdictOf = (sessionId: string) => verifySession(store.sessions.get(sessionId)?.chunks ?? [], sessionId);

describe('the uplink', () => {
  test('sleeps only when it has asked to be woken, also when its time to look by itself ends within a turn', async () => {
    const times = [0];
    const running = start({ nowMs: () => (times.length > 1 ? times.shift() : times[0]) ?? 0 });
    recordWhole(running, 'a');
    await turnsUntil(() => verdictOf('a').kind === 'Complete');
    // The time when it has read, and when the turn ends: between the two lies what it looks by itself for.
    times.splice(0, 1, 74, 76);
    await turnsUntil(() => times.length === 1);
    recordWhole(running, 'b');
    await turnsUntil(() => verdictOf('b').kind === 'Complete');
  });

  test.each([
    ['soon', 10, 50],
    ['later when there was much to see, so that more gathers in a chunk', 2000, 200],
  ])('looks again %s', async (_when, events, lookMs) => {
    const waits = jest.spyOn(globalThis, 'setTimeout');
    try {
      const running = start({ nowMs: () => 0 });
      await running.noticed('StoreReached');
      const record = running.spool.open(opened('a'), 'Spool');
      for (let count = 0; count < events; count += 1) record.append(answer(1));
      running.commit();
      await turnsUntil(() => verdictOf('a').kind !== 'Empty');
      expect(waits.mock.calls.map(([, ms]) => ms)).toContain(lookMs);
    } finally {
      waits.mockRestore();
    }
  });
});

describe('a session that the store refuses', () => {
  beforeEach(() => {
    store.behave = ({ sessionId }) => (sessionId === 'bad' ? Status.FORK : 'Answer');
  });

  test('and that has no room aside takes no memory from the others, and is kept in the spool', async () => {
    const running = start({ limits: { asideBytesMax: 10, memoryBytesMax: 1000, chunkBytesMax: 300 } });
    const bad = running.spool.open(opened('bad'), 'Spool');
    for (let round = 0; round < 20; round += 1) bad.append(answer(200));
    bad.append(closed);
    running.commit();
    recordWhole(running, 'good');
    await turnsUntil(() => verdictOf('good').kind === 'Complete');
    for (let round = 0; round < 20; round += 1) recordWhole(running, `good ${round}`);
    await turnsUntil(() => verdictOf('good 19').kind === 'Complete');
    await running.stop();
    await start({ limits: { memoryBytesMax: 1000 } }).drained();
    expect(readdirSync(join(folder, 'aside'))).toEqual(['bad.chunks']);
    expect(segments()).toEqual([]);
  });

  test('and that had no room aside goes there by itself once somebody has made room', async () => {
    mkdirSync(join(folder, 'aside'));
    writeFileSync(join(folder, 'aside', 'looked-at.chunks'), Buffer.alloc(99_000));
    const running = start({ limits: { asideBytesMax: 100_000, memoryBytesMax: 1000, chunkBytesMax: 300 } });
    const bad = running.spool.open(opened('bad'), 'Spool');
    for (let round = 0; round < 20; round += 1) bad.append(answer(200));
    bad.append(closed);
    running.commit();
    for (let round = 0; round < 20; round += 1) recordWhole(running, `good ${round}`);
    await turnsUntil(() => verdictOf('good 19').kind === 'Complete');
    expect(running.spool.bytes).toBeGreaterThan(0);
    rmSync(join(folder, 'aside', 'looked-at.chunks'));
    await turnsUntil(() => segments().length <= 1 && existsSync(join(folder, 'aside', 'bad.chunks')));
    await running.drained();
    const aside = new AsideReader(folder);
    aside.take();
    expect([...aside.events('bad').keys()]).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
  });

  test('is kept in the spool when the folder aside cannot be used, and the others go on', async () => {
    writeFileSync(join(folder, 'aside'), 'in the way');
    const running = start();
    recordWhole(running, 'bad');
    recordWhole(running, 'good');
    await turnsUntil(() => verdictOf('good').kind === 'Complete');
    await running.noticed('SessionRefused');
    rmSync(join(folder, 'aside'));
    await running.drained();
    expect(readdirSync(join(folder, 'aside'))).toEqual(['bad.chunks']);
  });

  test('is not said to be stored when it is set aside, not even with its end', async () => {
    const running = start();
    const record = running.spool.open(opened('bad'), 'Central');
    running.commit();
    expect(await record.stored).toMatchObject({ ok: false });
    record.append(answer(1));
    record.append(closed);
    running.commit();
    expect(await record.stored).toMatchObject({ ok: false, fault: { message: 'as told' } });
  });
});

test('a gate that could not write its progress until a segment was gone knows then what the store has', async () => {
  // A folder in its place keeps the file from being made, as a full disk would.
  mkdirSync(join(folder, 'progress.new'));
  const running = start();
  const removed = running.spool.removed.bind(running.spool);
  running.spool.removed = (bytes) => {
    rmSync(join(folder, 'progress.new'), { recursive: true });
    removed(bytes);
  };
  running.spool.open(opened('s'), 'Spool').append(answer(3000));
  running.commit();
  await turnsUntil(() => running.spool.bytes === 0);
  await running.stop();
  await start().drained();
  expect(store.alarms).toEqual([]);
  expect(verdictOf('s')).toMatchObject({ kind: 'Complete', lastSequence: 3 });
});

test('a gate that is started again does not note for each event that its session is over', async () => {
  store.behave = ({ sessionId }) => (sessionId === 'late' ? new Promise(() => {}) : 'Answer');
  const running = start({ spoolLimits: { segmentBytesMax: 1_000_000 } });
  const over = running.spool.open(opened('over'), 'Spool');
  for (let count = 0; count < 1000; count += 1) over.append(answer(1));
  over.append(closed);
  recordWhole(running, 'late');
  await turnsUntil(() => verdictOf('over').kind === 'Complete');
  await running.stop();
  store.behave = () => 'Answer';
  await start().drained();
  expect(verdictOf('late').kind).toBe('Complete');
  expect(statSync(join(folder, 'progress')).size).toBeLessThan(10_000);
});

test('what a gate that was killed left open while its spool was full is ended once there is room, though nobody records anything', async () => {
  store.behave = () => new Promise(() => {});
  const spoolLimits = { spoolBytesMax: 3000, roomCheckMs: 0 };
  const full = start({ spoolLimits });
  const record = full.spool.open(opened('s'), 'Spool');
  do record.append(answer(500));
  while (full.spool.commit().ok);
  await full.stop();
  store.behave = () => 'Answer';
  start({ spoolLimits });
  await turnsUntil(() => verdictOf('s').kind === 'Complete');
});
