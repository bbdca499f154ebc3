import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { garbageCollector } from '@sidegate/crds';
import type { SealedChunk } from '@sidegate/session';
import { decodeEvent } from '@sidegate/session';
import { UploadResponse_Status as Status, UploadRequestSchema } from '@sidegate/session/store';
import { SampleSession } from './testing/sample-session.ts';
import { StoreProcess, testDirectory, uploadOf } from './testing/store-process.ts';

jest.setTimeout(120_000);

/** A store that reads and writes has less than this; 128 MiB of records have passed through it more than once by then. */
const MIB_MAX = 300;

const MIB = 1024 * 1024;

let directory: string;
let stores: StoreProcess[];

beforeEach(() => {
  directory = testDirectory();
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.end('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

async function start(...flags: readonly string[]): Promise<StoreProcess> {
  const store = await StoreProcess.start(directory, flags);
  stores.push(store);
  return store;
}

async function upload(store: StoreProcess, chunks: readonly SealedChunk[]): Promise<string[]> {
  const statuses: string[] = [];
  async function* requests() {
    for (const chunk of chunks) yield uploadOf(chunk);
  }
  for await (const { status } of store.ingest().upload(requests())) statuses.push(Status[status]);
  return statuses;
}

/** A closed session of `commands` commands, one chunk each between the first and the last. */
function record(sessionId: string, commands: number): SealedChunk[] {
  const session = new SampleSession(sessionId);
  const chunks = [session.chunk(session.opened())];
  for (let id = 1; id <= commands; id += 1)
    chunks.push(session.chunk(...session.command(id, `select ${id} from orders`)));
  return [...chunks, session.chunk(session.closed())];
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('the store program', () => {
  test('takes a session in, shows it to its owner, and writes the readings down', async () => {
    const store = await start('--metrics', '127.0.0.1:0');
    expect(await upload(store, record('s1', 2))).toEqual(['STORED', 'STORED', 'STORED', 'STORED']);
    expect(await upload(store, record('s1', 2))).toEqual(['DUPLICATE', 'DUPLICATE', 'DUPLICATE', 'DUPLICATE']);

    const reader = store.reader();
    const { sessions } = await reader.listSessions({ filter: { target: 'data/orders-db', agent: 'support-bot' } });
    expect(sessions).toMatchObject([
      { sessionId: 's1', commands: 2n, rows: 6n, closeCode: 'AgentLeft', verified: { subject: 'anna' } },
    ]);
    const { commands } = await reader.getSession({ sessionId: 's1' });
    expect(commands).toMatchObject([
      { commandId: 1n, text: 'select 1 from orders', decision: 'Allow', outcome: 'Done', durationUs: 1500n },
      { commandId: 2n, text: 'select 2 from orders' },
    ]);
    const events = await all(reader.events({ sessionId: 's1' }));
    const kinds = events.map(({ event }) => {
      const decoded = decodeEvent(event);
      return decoded.ok ? decoded.value.event.kind : 'unreadable';
    });
    const command = ['CommandJudged', 'CommandForwarded', 'AnswerPart', 'CommandFinished'];
    expect(kinds).toEqual(['Opened', ...command, ...command, 'Closed']);
    expect(await all(reader.verify({}))).toMatchObject([
      { sessionId: 's1', consistent: true, closed: true, faults: [] },
    ]);
    const { readings } = await reader.listReadings({});
    expect(readings.map(({ action, sessionId }) => `${action} ${sessionId}`)).toEqual([
      'ListReadings ',
      'Verify ',
      'Events s1',
      'GetSession s1',
      'ListSessions ',
    ]);
    const metrics = await (await fetch(`${store.ready.metrics}/metrics`)).text();
    expect(metrics).toContain('sidegate_store_chunks_total{status="Stored"} 4');
    expect(metrics).toContain('sidegate_store_chunks_total{status="Duplicate"} 4');
    expect(await store.end('SIGTERM')).toBe(0);
  });

  test('lets only its own user near the socket', async () => {
    const { ownerSocket } = (await start()).ready;
    expect(statSync(ownerSocket).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(ownerSocket)).mode & 0o777).toBe(0o700);
  });

  test('takes records from who bears the token and from nobody else', async () => {
    const store = await start();
    const [chunk] = record('s1', 0);
    if (chunk === undefined) throw new Error('a session has a first chunk');
    async function* requests() {
      yield uploadOf(chunk as SealedChunk);
    }
    await expect(all(store.ingest('a-token-of-the-tests-0123456780').upload(requests()))).rejects.toThrow(/token/u);
    await expect(all(store.ingest('').upload(requests()))).rejects.toThrow(/token/u);
    expect(await all(store.ingest().upload(requests()))).toMatchObject([{ status: Status.STORED, lastSequence: 1n }]);
  });

  test('answers no reader on the port for gates', async () => {
    const store = await start();
    const response = await fetch(`${store.ready.ingest}/sidegate.store.v1.Reader/ListSessions`).catch(() => undefined);
    expect(response?.ok ?? false).toBe(false);
    expect((await store.reader().listReadings({})).readings).toHaveLength(1);
  });

  test('shows a running session as it goes on, and ends with it', async () => {
    const store = await start();
    const [first, ...rest] = record('s1', 2);
    if (first === undefined) throw new Error('a session has a first chunk');
    await upload(store, [first]);
    const seen: number[] = [];
    for await (const { sequence } of store.reader().watch({ sessionId: 's1' })) {
      seen.push(Number(sequence));
      if (sequence === 1n) expect(await upload(store, rest)).toEqual(['STORED', 'STORED', 'STORED']);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('shows much without packing it and without keeping it in memory', async () => {
    const store = await start();
    const session = new SampleSession('s1');
    const chunks = [session.chunk(session.opened())];
    for (let commandId = 1; commandId <= 64; commandId += 1) {
      const bytes = randomBytes(2 * 1024 * 1024);
      chunks.push(session.chunk({ kind: 'AnswerPart', atUs: 1, commandId, bytes }));
    }
    expect(new Set(await upload(store, chunks))).toEqual(new Set(['STORED']));
    const encodings: (string | null)[] = [];
    const reader = store.reader(({ header }) => encodings.push(header.get('grpc-encoding')));
    for (let times = 0; times < 4; times += 1) {
      expect(await all(reader.verify({ sessionId: 's1' }))).toMatchObject([{ consistent: true, chunks: 65n }]);
      for await (const { chunk } of reader.chunks({ sessionId: 's1' })) expect(chunk.length).toBeGreaterThan(0);
      for await (const { event } of reader.events({ sessionId: 's1' })) expect(event.length).toBeGreaterThan(0);
    }
    expect(new Set(encodings)).toEqual(new Set([null]));
    expect(store.peakMib()).toBeLessThan(MIB_MAX);

    await store.end('SIGTERM');
    for (const end of ['', '-wal', '-shm']) rmSync(join(directory, 'data', `index.sqlite${end}`), { force: true });
    const again = await start();
    expect(again.ready.recovery).toEqual({ indexed: 65, tornBytes: 0, damaged: 0 });
    expect(again.peakMib()).toBeLessThan(MIB_MAX);
  });

  test('finds a session that somebody took out of its index', async () => {
    const store = await start();
    await upload(store, [...record('kept', 2), ...record('gone', 2)]);
    await store.end('SIGTERM');
    const edit = (sql: string): void => {
      const database = new DatabaseSync(join(directory, 'data', 'index.sqlite'));
      database.exec(sql);
      database.close();
    };
    for (const table of ['sessions', 'chunks', 'commands']) edit(`delete from ${table} where session_id = 'gone'`);
    const again = await start();
    expect(again.ready.recovery.indexed).toBe(0);
    expect(await all(again.reader().verify({}))).toMatchObject([
      { sessionId: 'kept', consistent: true },
      { sessionId: 'gone', consistent: false, faults: [expect.stringContaining('the index does not name it')] },
    ]);
    await again.end('SIGTERM');
    edit("insert into dropped values ('gone', 10, x'', 1)");
    // What retention took away is said to be gone, and is not looked for.
    expect(await all((await start()).reader().verify({}))).toMatchObject([{ sessionId: 'kept', consistent: true }]);
  });

  test('takes in small chunks that unpack to much, one stream of them or many, in little memory', async () => {
    const store = await start();
    const bytes = new Uint8Array(64 * MIB);
    const streams = Array.from({ length: 4 }, (_none, stream) =>
      Array.from({ length: 8 }, (_empty, at) => {
        const session = new SampleSession(`s${stream}-${at}`);
        return session.chunk(session.opened(), { kind: 'AnswerPart', atUs: 1, commandId: 1, bytes });
      }),
    );
    expect(streams.flat().every((chunk) => chunk.bytes.length < MIB)).toBe(true);
    const answers = await Promise.all(streams.map((chunks) => upload(store, chunks)));
    expect(new Set(answers.flat())).toEqual(new Set(['STORED']));
    expect(store.peakMib()).toBeLessThan(400);
  });

  test('lets go of what it refuses of what gates send', async () => {
    const store = await start();
    const noise = randomBytes(16 * MIB);
    async function* requests() {
      for (let at = 1; at <= 64; at += 1)
        yield create(UploadRequestSchema, {
          chunk: noise,
          sessionId: 's',
          firstSequence: 1n,
          lastSequence: BigInt(at),
        });
    }
    const answers = await all(store.ingest().upload(requests()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([Status.INVALID]));
    expect(store.peakMib()).toBeLessThan(400);
  });

  test('what it tells on a stream can be let go of while the stream is open', async () => {
    const store = await start();
    const chunks = record('s1', 3);
    let answered = (): void => undefined;
    async function* requests() {
      for (const chunk of chunks) {
        const answer = new Promise<void>((resolve) => {
          answered = resolve;
        });
        yield uploadOf(chunk);
        await answer;
      }
    }
    const told: WeakRef<object>[] = [];
    const left: number[] = [];
    const collect = garbageCollector('All');
    for await (const response of store.ingest().upload(requests())) {
      told.push(new WeakRef(response));
      // A WeakRef holds its target until the job that made it is over.
      await setImmediate();
      collect();
      left.push(told.filter((ref) => ref.deref() !== undefined).length);
      answered();
    }
    expect(left).toHaveLength(5);
    // The one that was told last, and one that the loop still has.
    expect(Math.max(...left)).toBeLessThanOrEqual(2);
  });

  test('told to stop, ends the streams that are open, and in good order', async () => {
    const store = await start();
    const [chunk] = record('s1', 0);
    if (chunk === undefined) throw new Error('a session has a first chunk');
    const first = uploadOf(chunk);
    let ended: Promise<number | null> | undefined;
    async function* requests() {
      yield first;
      // The gate has more to say some day; the store does not wait for it.
      await new Promise(() => {});
    }
    const statuses: Status[] = [];
    for await (const { status } of store.ingest().upload(requests())) {
      statuses.push(status);
      ended = store.stop();
    }
    expect(statuses).toEqual([Status.STORED]);
    expect(await ended).toBe(0);
  });

  test.each([1, 5, 33])('killed right after ack %i, loses nothing that was acked', async (acksBeforeKill) => {
    const chunks = record('s1', 60);
    const first = await start();
    let acked = 0;
    async function* requests() {
      for (const chunk of chunks) yield uploadOf(chunk);
    }
    try {
      for await (const { status } of first.ingest().upload(requests())) {
        expect(status).toBe(Status.STORED);
        acked += 1;
        if (acked === acksBeforeKill) await first.end('SIGKILL');
      }
    } catch {
      // The stream breaks with the process.
    }
    expect(acked).toBeGreaterThanOrEqual(acksBeforeKill);

    const second = await start();
    const [verified] = await all(second.reader().verify({ sessionId: 's1' }));
    expect(verified).toMatchObject({ consistent: true, faults: [] });
    expect(Number(verified?.chunks)).toBeGreaterThanOrEqual(acked);
    const statuses = await upload(second, chunks);
    expect(statuses.slice(0, acked).every((status) => status === 'DUPLICATE')).toBe(true);
    expect(statuses.slice(acked).every((status) => status === 'DUPLICATE' || status === 'STORED')).toBe(true);
    expect(await all(second.reader().verify({ sessionId: 's1' }))).toMatchObject([
      { consistent: true, closed: true, chunks: 62n },
    ]);
    const { session } = await second.reader().getSession({ sessionId: 's1' });
    expect(session).toMatchObject({ commands: 60n, rows: 180n, alarms: 0n });
  });
});
