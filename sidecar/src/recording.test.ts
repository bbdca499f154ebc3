import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Opened, verifySession } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { createRecorder, type GateRecorder, type RecorderNotice, type RecorderOptions } from './recording.ts';
import { FakeStore } from './uplink/fake-store.ts';

let folder: string;
let store: FakeStore;
let server: Awaited<ReturnType<FakeStore['listen']>>;
let recorder: GateRecorder | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-recording-'));
  writeFileSync(join(folder, 'token'), 'first\n');
  store = new FakeStore();
  server = await store.listen();
});
afterEach(async () => {
  await recorder?.close(AbortSignal.abort());
  await server.close();
  rmSync(folder, { recursive: true });
});

function open(limits: NonNullable<RecorderOptions['limits']> = {}, notice: (one: RecorderNotice) => void = () => {}) {
  const created = createRecorder({
    spoolFolder: join(folder, 'spool'),
    gateId: 'g',
    store: { url: server.url, tokenFile: join(folder, 'token') },
    nowUs: () => 1,
    random: () => 0.5,
    limits: { pauseMsMin: 1, pauseMsMax: 5, ...limits },
    notice,
  });
  if (!created.ok) throw new Error(created.fault.message);
  recorder = created.value;
  return created.value;
}

const opened = (sessionId: string): Opened => sampleOpened({ sessionId });

test('what is committed reaches the store by a thread, with the token as it is when a stream opens', async () => {
  let broken = false;
  store.behave = () => {
    if (broken) return 'Answer';
    broken = true;
    writeFileSync(join(folder, 'token'), 'second\n');
    return 'BreakBefore';
  };
  const gate = open();
  const record = gate.open(opened('s'), 'Central');
  expect(gate.commit().ok).toBe(true);
  expect(await record.stored).toEqual({ ok: true, value: undefined });
  record.append({ kind: 'Closed', atUs: 2, code: 'AgentLeft', reason: '' });
  expect(gate.commit().ok).toBe(true);
  await gate.close(new AbortController().signal);
  recorder = undefined;
  expect(verifySession(store.sessions.get('s')?.chunks ?? [], 's')).toMatchObject({
    kind: 'Complete',
    lastSequence: 2,
  });
  expect(store.tokens).toEqual(['Bearer first', 'Bearer second']);
  expect(store.alarms).toEqual([]);
}, 120_000);

test('a Central commit ends in a fault when the store does not answer, and is recorded nevertheless', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.behave = () => promise;
  const gate = open({ centralWaitMs: 1 });
  const record = gate.open(opened('s'), 'Central');
  expect(gate.commit().ok).toBe(true);
  expect(await record.stored).toMatchObject({ ok: false, fault: { code: 'StoreUnavailable' } });
  resolve();
  await gate.close(new AbortController().signal);
  recorder = undefined;
  expect(store.sessions.get('s')?.events).toHaveLength(1);
}, 120_000);

test('whoever runs the gate is told when the store cannot be reached', async () => {
  rmSync(join(folder, 'token'));
  const { promise, resolve } = Promise.withResolvers<RecorderNotice>();
  open({}, resolve);
  expect(await promise).toMatchObject({ kind: 'StoreLost', reason: expect.stringContaining('token') });
}, 120_000);

test('a segment that cannot be read is told of until it can be, or is gone, and keeps nothing else from the store', async () => {
  // What is read of a folder is an error of the system, as that of a disk is.
  const segment = join(folder, 'spool', '00000001.spool');
  mkdirSync(segment, { recursive: true });
  const told: RecorderNotice[] = [];
  const readable = Promise.withResolvers<void>();
  const gate = open({ againMsMin: 1, againMsMax: 5 }, (notice) => {
    told.push(notice);
    if (notice.kind === 'SegmentReadable') readable.resolve();
  });
  const record = gate.open(opened('s'), 'Central');
  expect(gate.commit().ok).toBe(true);
  expect(await record.stored).toEqual({ ok: true, value: undefined });
  rmSync(segment, { recursive: true });
  await readable.promise;
  expect(told.filter(({ kind }) => kind !== 'StoreReached')).toEqual([
    { kind: 'SegmentUnreadable', segment: 1, reason: expect.stringContaining('EISDIR') },
    { kind: 'SegmentReadable', segment: 1 },
  ]);
}, 120_000);

test('closing gives up when it is told to', async () => {
  store.behave = () => new Promise(() => {});
  const gate = open();
  gate.open(opened('s'), 'Spool');
  expect(gate.commit().ok).toBe(true);
  await gate.close(AbortSignal.abort());
  recorder = undefined;
  expect(store.sessions.size).toBe(0);
}, 120_000);
