import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { decodeEvent, type Opened, type SessionEvent } from '@sidegate/session';
import { Reader } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import type { SessionRecord } from '../../sidecar/src/recorder.ts';
import { createRecorder, type GateRecorder, type RecorderNotice } from '../../sidecar/src/recording.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

jest.setTimeout(180_000);

const MAIN = join(import.meta.dirname, '..', '..', 'store', 'src', 'main.ts');
/** A loopback address that nothing else uses, so that the port is still free after the store was killed. */
const HOST = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255}`;
const ALLOW = { complete: true, decision: 'Allow', rule: 'data/p/r', reason: '', policyVersion: '1' } as const;

let folder: ReturnType<typeof temporaryFolder>;
let store: RunningProcess;
let address: string;
/** Undefined once it is closed. */
let recorder: GateRecorder | undefined;
let notices: RecorderNotice[];

beforeEach(async () => {
  folder = temporaryFolder('rec');
  writeFileSync(folder.file('token'), 'a-token-of-the-tests-0123456789');
  notices = [];
  await startStore('0');
});
afterEach(async () => {
  await recorder?.close(AbortSignal.abort());
  await store.stop();
  folder.remove();
});

async function startStore(port: string): Promise<void> {
  const parameters = [MAIN, '--data', folder.file('store'), '--ingest-token-file', folder.file('token'), '--json'];
  store = startProcess(process.execPath, [...parameters, '--listen', `${HOST}:${port}`]);
  address = String((await store.jsonLine(({ kind }) => kind === 'Ready'))['ingest']);
}

async function killStore(): Promise<void> {
  await store.stop('SIGKILL');
  await startStore(new URL(address).port);
}

function openRecorder(): GateRecorder {
  const created = createRecorder({
    spoolFolder: folder.file('spool'),
    gateId: 'gate-1',
    store: { url: address, tokenFile: folder.file('token') },
    nowUs: () => Date.now() * 1000,
    random: () => 0.5,
    limits: { chunkWaitMs: 1, pauseMsMin: 10, pauseMsMax: 100 },
    notice: (notice) => notices.push(notice),
  });
  if (!created.ok) throw new Error(created.fault.message);
  recorder = created.value;
  return created.value;
}

const opened = (sessionId: string): Opened =>
  sampleOpened({ atUs: 1_700_000_000_000_000, sessionId, gate: { id: 'gate-1', version: '1' } });

function commandEvents(commandId: number): Exclude<SessionEvent, Opened>[] {
  const at = { atUs: 1_700_000_000_000_000 + commandId, commandId };
  const text = { text: `select ${commandId}`, sha256: new Uint8Array(32), binds: [], verbs: [], objects: [] };
  const none = { tag: '', errorCode: '', errorText: '', rows: 1, answerBytes: 3, durationUs: 1, maskedValues: 0 };
  return [
    { kind: 'CommandJudged', ...at, ...text, ...ALLOW, observed: [], claimed: {} },
    { kind: 'CommandForwarded', ...at },
    { kind: 'AnswerPart', ...at, bytes: new Uint8Array(2000).fill(commandId) },
    { kind: 'CommandFinished', ...at, outcome: 'Done', ...none },
  ];
}

async function withReader<T>(read: (reader: Client<typeof Reader>) => Promise<T>): Promise<T> {
  const createConnection = () => connect(folder.file('store/owner/reader.sock'));
  const sessionManager = new Http2SessionManager('http://store', undefined, { createConnection });
  try {
    return await read(createClient(Reader, createGrpcTransport({ baseUrl: 'http://store', sessionManager })));
  } finally {
    sessionManager.abort();
  }
}

async function storedEvents(sessionId: string): Promise<SessionEvent[]> {
  return withReader(async (reader) => {
    const events: SessionEvent[] = [];
    for await (const { event } of reader.events({ sessionId })) {
      const decoded = decodeEvent(event);
      if (!decoded.ok) throw new Error(decoded.fault.message);
      events.push(decoded.value.event);
    }
    return events;
  });
}

async function findings(): Promise<unknown> {
  return withReader(async (reader) => {
    const verified: unknown[] = [];
    for await (const { sessionId, consistent, closed } of reader.verify({}))
      verified.push({ sessionId, consistent, closed });
    return { verified, alarms: (await reader.listAlarms({})).alarms };
  });
}

test.each(['Spool', 'Central'] as const)(
  'a store that is killed again and again while a gate records (%s) ends up with every event once, in order, and no alarm',
  async (durability) => {
    const gate = openRecorder();
    const written = new Map<string, SessionEvent[]>();
    const records: SessionRecord[] = [];
    for (const id of ['s1', 's2', 's3']) {
      records.push(gate.open(opened(id), durability));
      written.set(id, [opened(id)]);
    }
    const append = (record: SessionRecord, event: Exclude<SessionEvent, Opened>): void => {
      record.append(event);
      written.get(record.sessionId)?.push(event);
    };
    const waits: Promise<unknown>[] = [];
    for (let commandId = 1; commandId <= 60; commandId += 1) {
      for (const record of records) for (const event of commandEvents(commandId)) append(record, event);
      expect(gate.commit().ok).toBe(true);
      for (const { stored } of records) waits.push(Promise.resolve(stored));
      if (commandId % 20 === 10) await killStore();
      // Lets the uplink send between commands.
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    for (const record of records)
      append(record, { kind: 'Closed', atUs: 1_700_000_001_000_000, code: 'AgentLeft', reason: '' });
    expect(gate.commit().ok).toBe(true);
    await Promise.all(waits);
    recorder = undefined;
    await gate.close(AbortSignal.timeout(120_000));

    for (const [id, events] of written) expect(await storedEvents(id)).toEqual(events);
    const verified = ['s1', 's2', 's3'].map((sessionId) => ({ sessionId, consistent: true, closed: true }));
    expect(await findings()).toEqual({ verified, alarms: [] });
    expect(notices.filter(({ kind }) => kind === 'SessionRefused')).toEqual([]);
  },
);
