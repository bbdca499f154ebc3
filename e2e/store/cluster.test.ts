import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { podSessionId, type SealedChunk } from '@sidegate/session';
import { Ingest, Reader, UploadResponse_Status as Status } from '@sidegate/session/store';
import { record } from '../../store/src/testing/store-bench.ts';
import { uploadOf } from '../../store/src/testing/store-process.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { eventually, OperatorStage } from '../operator/operator-stage.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { storeAccount } from './store-account.ts';

jest.setTimeout(900_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'the store against a real API server: its programs are not built (npm run cluster -- up)',
);
const MAIN = join(import.meta.dirname, '..', '..', 'store', 'src', 'main.ts');

let stage: OperatorStage;
let folder: TemporaryFolder;
let certificates: Certificates;
let store: RunningProcess;
let url: string;
let socket: string;

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await OperatorStage.start(programs);
  folder = temporaryFolder('store');
  certificates = makeCertificates(folder.path);
  await stage.namespace('agents');
  await stage.serviceAccount('agents', 'bot');
  for (const pod of ['bot-1', 'bot-2']) await stage.pod('agents', pod, {});
  const account = await storeAccount(stage, folder);
  store = startProcess('node', [
    MAIN,
    `--data=${folder.file('data')}`,
    '--token-review',
    `--api-server=${stage.server.url}`,
    `--service-account=${account}`,
    `--tls-certificate=${certificates.certificateFile}`,
    `--tls-key=${certificates.keyFile}`,
    '--listen=127.0.0.1:0',
    '--json',
  ]);
  const [line] = await store.line(/^\{"kind":"Ready".*$/m, 120_000);
  const ready = JSON.parse(line) as { ingest: string; ownerSocket: string };
  url = ready.ingest.replace('127.0.0.1', 'localhost');
  socket = ready.ownerSocket;
});

afterAll(async () => {
  if (programs === undefined) return;
  await store?.stop('SIGKILL');
  await stage.end();
  folder.remove();
});

/** Sends chunks as the gate with this token does; resolves with the statuses, or rejects with why it was not let in. */
async function upload(
  token: string,
  chunks: readonly SealedChunk[],
  authority = certificates.authority,
): Promise<string[]> {
  const manager = new Http2SessionManager(url, undefined, { ca: authority });
  const transport = createGrpcTransport({ baseUrl: url, sessionManager: manager });
  async function* requests() {
    for (const chunk of chunks) yield uploadOf(chunk);
  }
  const headers = { authorization: `Bearer ${token}` };
  const statuses: string[] = [];
  try {
    for await (const { status } of createClient(Ingest, transport).upload(requests(), { headers })) {
      statuses.push(Status[status]);
    }
  } finally {
    manager.abort();
  }
  return statuses;
}

async function uid(pod: string): Promise<string> {
  const found = await stage.get(`/api/v1/namespaces/agents/pods/${pod}`);
  return (found as { metadata: { uid: string } }).metadata.uid;
}

/** A whole session of the pod, as its own gate records it. */
async function sessionOf(pod: string, unique: string): Promise<SealedChunk[]> {
  const gateId = await uid(pod);
  return record(podSessionId(gateId, unique), 1, { gateId, atUs: Date.now() * 1000 }).whole();
}

function reader(): ReturnType<typeof createClient<typeof Reader>> {
  const manager = new Http2SessionManager('http://reader', undefined, { createConnection: () => connect(socket) });
  return createClient(Reader, createGrpcTransport({ baseUrl: 'http://reader', sessionManager: manager }));
}

test('the gate of a pod sends its session, which shows what was attested of the pod', async () => {
  const chunks = await sessionOf('bot-1', 'a1');
  const token = await stage.token('agents', 'bot-1');
  expect(await upload(token, chunks)).toEqual(['STORED', 'STORED', 'STORED']);
  const { session } = await reader().getSession({ sessionId: chunks[0]?.sessionId ?? '' });
  expect(session?.attested).toMatchObject({
    namespace: 'agents',
    name: 'bot-1',
    uid: await uid('bot-1'),
    serviceAccount: 'bot',
  });
});

test('the gate of another pod can neither take a session, nor repeat it, nor be before it', async () => {
  const [early, stored] = [await sessionOf('bot-1', 'b1'), await sessionOf('bot-1', 'a1')];
  const forger = await stage.token('agents', 'bot-2');
  expect(await upload(forger, early)).toEqual(['INVALID', 'INVALID', 'INVALID']);
  expect(await upload(forger, stored.slice(0, 1))).toEqual(['INVALID']);
  expect(await upload(await stage.token('agents', 'bot-1'), early)).toEqual(['STORED', 'STORED', 'STORED']);
  const { alarms } = await reader().listAlarms({});
  expect(alarms.map(({ kind }) => kind)).toContain('Foreign');
  expect(alarms.find(({ kind }) => kind === 'Foreign')?.text).toContain('agents/bot-2');
});

test('nobody else is let in', async () => {
  const chunks = await sessionOf('bot-1', 'c1');
  const refused = {
    "the agent's audience": await stage.token('agents', 'bot-1', 'sidegate-agent'),
    "the API server's audience": await stage.token('agents', 'bot-1', 'https://kubernetes.default.svc.cluster.local'),
    'no pod': await stage.token('agents', 'bot-1', 'sidegate-gate', false),
    nothing: 'eyJhbGciOiJub25lIn0.e30.',
  };
  for (const [what, token] of Object.entries(refused))
    await expect(upload(token, chunks).then((statuses) => `${what}: ${statuses.join()}`)).rejects.toThrow(
      /unauthenticated/,
    );
  await stage.pod('agents', 'gone', {});
  const late = await stage.token('agents', 'gone');
  await stage.remove('/api/v1/namespaces/agents/pods/gone');
  await expect(upload(late, chunks)).rejects.toThrow(/unauthenticated/);
  expect(await upload(await stage.token('agents', 'bot-1'), chunks)).toEqual(['STORED', 'STORED', 'STORED']);
});

test('while the API server is away nobody new is let in', async () => {
  const token = await stage.token('agents', 'bot-2');
  const chunks = await sessionOf('bot-2', 'd1');
  await stage.server.restart(async () => {
    await expect(upload(token, chunks)).rejects.toThrow(/unavailable/);
  });
  // An API server that has just come up may not know yet who may ask it.
  const statuses = await eventually('the way in', () => upload(token, chunks).catch(() => undefined));
  expect(statuses).toEqual(['STORED', 'STORED', 'STORED']);
});

test('nothing is spoken without TLS, and no reader answers gates', async () => {
  await expect(fetch(url.replace('https:', 'http:'), { signal: AbortSignal.timeout(60_000) })).rejects.toThrow();
  const manager = new Http2SessionManager(url, undefined, { ca: certificates.authority });
  const transport = createGrpcTransport({ baseUrl: url, sessionManager: manager });
  await expect(createClient(Reader, transport).listSessions({})).rejects.toThrow(/unimplemented|404/i);
  manager.abort();
});

test('a certificate that was rotated is served without a restart', async () => {
  const before = readFileSync(certificates.certificateFile, 'utf8');
  const next = makeCertificates(folder.path);
  expect(next.certificate).not.toBe(before);
  const { port, hostname } = new URL(url);
  const served = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = connectTls({ host: hostname, port: Number(port), ca: next.authority }, () => {
        probe.destroy();
        resolve(true);
      });
      probe.on('error', () => resolve(false));
    });
  await eventually('the new certificate', async () => ((await served()) ? true : undefined));
  const chunks = await sessionOf('bot-1', 'e1');
  const token = await stage.token('agents', 'bot-1');
  expect(await upload(token, chunks, next.authority)).toEqual(['STORED', 'STORED', 'STORED']);
});
