import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { encodeEvent, type SealedChunk, type SessionEvent, sealChunk } from '@sidegate/session';
import { Ingest, UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleJudged, sampleOpened } from '@sidegate/session/testing';
import { type Ended, type RunningProcess, startProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '..', '..');
const TOKEN = 'a-token-of-the-tests-0123456789';
const NOBODY = 65_534;

const folder = temporaryFolder('read');
let store: RunningProcess;
let ingest: string;

beforeAll(async () => {
  writeFileSync(folder.file('token'), TOKEN);
  await startStore();
});
afterAll(async () => {
  await store.stop();
  folder.remove();
});

async function startStore(): Promise<void> {
  const parameters = [join(ROOT, 'store', 'src', 'main.ts'), '--data', folder.file('store'), '--json'];
  parameters.push('--ingest-token-file', folder.file('token'), '--owner-socket', folder.file('owner/store.sock'));
  store = startProcess(process.execPath, parameters);
  const ready = await store.jsonLine(({ kind }) => kind === 'Ready');
  ingest = String(ready['ingest']);
}

/** Runs the command line's own start file, as a person would. */
async function sidegate(parameters: readonly string[], options: { readonly uid?: number } = {}): Promise<Ended> {
  const run = [join(ROOT, 'cli', 'bin', 'sidegate.js'), ...parameters, '--state', folder.path];
  return startProcess(process.execPath, run, options).ended;
}

async function sidegateJson(...parameters: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { code, stdout, stderr } = await sidegate([...parameters, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const opened = (sessionId: string): SessionEvent =>
  sampleOpened({
    atUs: 1_700_000_000_000_000,
    sessionId,
    gate: { id: 'gate-1', version: '1' },
    verified: { source: 'Token', issuer: 'i', subject: 'anna', groups: ['dba'], groupsKnown: true, expiresAtMs: 1 },
    claimed: { agent: 'bot' },
  });
const judged = (commandId: number, text: string): SessionEvent =>
  sampleJudged(commandId, 1_700_000_001_000_000, text, { verbs: ['SELECT'], objects: ['read public.orders'] });
const closed: SessionEvent = { kind: 'Closed', atUs: 1_700_000_002_000_000, code: 'AgentLeft', reason: '' };

function chunksOf(sessionId: string, ...events: readonly SessionEvent[]): SealedChunk[] {
  const chunks: SealedChunk[] = [];
  for (const [at, event] of events.entries()) {
    const content = { sessionId, gateId: 'gate-1', firstSequence: at + 1, previousSha256: chunks.at(-1)?.sha256 };
    const [opens, closes] = [event.kind === 'Opened', event.kind === 'Closed'];
    chunks.push(sealChunk({ ...content, opens, closes, events: [encodeEvent(at + 1, event)] }));
  }
  return chunks;
}

async function upload(chunks: readonly SealedChunk[]): Promise<string[]> {
  const sessionManager = new Http2SessionManager(ingest);
  const client = createClient(Ingest, createGrpcTransport({ baseUrl: ingest, sessionManager }));
  async function* requests() {
    for (const { bytes, sessionId, firstSequence, lastSequence, sha256 } of chunks) {
      const sequences = { firstSequence: BigInt(firstSequence), lastSequence: BigInt(lastSequence) };
      yield { chunk: bytes, sessionId, sha256, ...sequences };
    }
  }
  const statuses: string[] = [];
  const headers = { authorization: `Bearer ${TOKEN}` };
  for await (const { status } of client.upload(requests(), { headers })) statuses.push(Status[status]);
  sessionManager.abort();
  return statuses;
}

describe('a session in a running store', () => {
  test('is listed, shown, found, replayed and verified from the command line', async () => {
    expect(await upload(chunksOf('s1', opened('s1'), judged(1, 'select total from orders'), closed))).toEqual([
      'STORED',
      'STORED',
      'STORED',
    ]);
    expect(await sidegateJson('sessions', '--subject', 'anna', '--text', 'total')).toMatchObject([
      { sessionId: 's1', commands: 1 },
    ]);
    expect(await sidegateJson('show', 's1')).toMatchObject([
      { kind: 'Session' },
      { kind: 'Command', rule: 'data/p/allow' },
    ]);
    expect(await sidegateJson('search', 'total', 'orders')).toMatchObject([{ sessionId: 's1', commandId: 1 }]);
    const replayed = await sidegate(['replay', 's1', '--instant']);
    expect(replayed.stdout).toContain('select total from orders;');
    expect(await sidegateJson('verify', '--all')).toMatchObject([{ consistent: true, closed: true, anchored: false }]);
    await sidegateJson('export', 's1', folder.file('s1.chunks'));
    expect(await sidegateJson('verify', '--file', folder.file('s1.chunks'))).toMatchObject([
      { sessionId: 's1', consistent: true },
    ]);
    const actions = (await sidegateJson('readings', 's1')).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['GetSession', 'Events', 'Chunks']));
  });

  test('is watched while it goes on', async () => {
    const [first, second, third] = chunksOf('s2', opened('s2'), judged(1, 'select now()'), closed);
    if (!first || !second || !third) throw new Error('three chunks were expected');
    await upload([first]);
    const parameters = [join(ROOT, 'cli', 'bin', 'sidegate.js'), 'watch', 's2', '--state', folder.path];
    await using watching = startProcess(process.execPath, parameters);
    await watching.line(/opened by anna to data\/orders/);
    await upload([second]);
    await watching.line(/#1 Allow \(data\/p\/allow\) {2}select now\(\)/);
    await upload([third]);
    expect(await watching.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('closed: AgentLeft') });
  });

  test('that was changed on disk is found out, and one beside it is not blamed', async () => {
    await upload(chunksOf('s3', opened('s3'), judged(1, 'select 3'), closed));
    await upload(chunksOf('s4', opened('s4'), judged(1, 'select 4'), closed));
    await store.stop();
    const segments = folder.file('store/segments');
    for (const name of readdirSync(segments)) {
      const bytes = readFileSync(join(segments, name));
      const place = bytes.indexOf(chunksOf('s3', opened('s3'), judged(1, 'select 3'))[1]?.bytes ?? '');
      if (place < 0) continue;
      bytes[place + 40] = (bytes[place + 40] ?? 0) ^ 1;
      writeFileSync(join(segments, name), bytes);
    }
    await startStore();
    const three = await sidegate(['verify', 's3']);
    expect(three).toMatchObject({ code: 1 });
    expect(await sidegate(['verify', 's4'])).toMatchObject({ code: 0 });
    expect(await sidegate(['verify', '--all'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('s3  NOT CONSISTENT'),
    });
  });
});

const asRoot = testGiven(process.getuid?.() === 0, 'only root can become another user and be refused');

asRoot('another user cannot read, even when the state folder itself is open', async () => {
  chmodSync(folder.path, 0o755);
  mkdirSync(folder.file('home'), { mode: 0o777 });
  const { code, stderr } = await sidegate(['sessions'], { uid: NOBODY });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('The store is read by its own user only. Read as the user who runs the store.'),
  });
  expect(await sidegate(['sessions'])).toMatchObject({ code: 0 });
});
