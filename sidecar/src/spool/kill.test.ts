import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { decodeEvent, verifySession } from '@sidegate/session';
import { createRecorder } from '../recording.ts';
import { FakeStore } from '../uplink/fake-store.ts';
import { spreadFrom } from '../uplink/spread.ts';

const KILLS = 25;
const SEED = 20261128;

const folder = mkdtempSync(join(tmpdir(), 'sidegate-kill-'));
const store = new FakeStore();
/** Called when the store gets a chunk, before it answers. */
let arrived = () => {};
const cleanUp: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true })];
afterAll(async () => {
  for (const step of cleanUp.toReversed()) await step();
});

/** Runs the writer until it has made `commits` commits and the store was sent `chunks` chunks, then kills it at that very moment. */
async function runAndKill(order: object, commits: number, chunks: number): Promise<void> {
  const program = fileURLToPath(new URL('killed-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, JSON.stringify(order)], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let seen = 0;
  let sent = 0;
  const killWhenDue = () => {
    if (seen >= commits && sent >= chunks) child.kill('SIGKILL');
  };
  arrived = () => {
    sent += 1;
    killWhenDue();
  };
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
  child.stdout.on('data', (data: Buffer) => {
    seen += data.length;
    killWhenDue();
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  if (signal !== 'SIGKILL') throw new Error(`the writer ended with code ${code}: ${complaint}`);
}

test(`loses nothing that was committed, and tells no second story, however often the gate is killed (seed ${SEED})`, async () => {
  const random = spreadFrom(SEED);
  // Acks get lost too: the store has the chunk, and the gate does not know.
  store.behave = () => {
    arrived();
    if (random() > 0.01) return 'Answer';
    return random() < 0.5 ? 'BreakBefore' : 'BreakAfter';
  };
  const server = await store.listen();
  cleanUp.push(() => server.close());
  const spoolFolder = join(folder, 'spool');
  const notes = join(folder, 'notes');
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'secret\n');
  writeFileSync(notes, '');
  for (let run = 1; run <= KILLS; run += 1) {
    const order = { folder: spoolFolder, url: server.url, tokenFile, notes, run };
    // Every third gate may die before it reaches the store.
    const chunks = run % 3 === 0 ? 0 : Math.floor(random() * 60);
    await runAndKill(order, 1 + Math.floor(random() * 60), chunks);
  }
  arrived = () => {};

  // The last gate only takes over what is left. It is done when the store has everything, however long that takes.
  const last = createRecorder({
    spoolFolder,
    gateId: 'gate',
    store: { url: server.url, tokenFile },
    nowUs: () => 1,
    random,
    limits: { chunkBytesMax: 4096, pauseMsMin: 1, pauseMsMax: 20, lockWaitMs: 60_000 },
    notice: () => {},
  });
  if (!last.ok) throw new Error(last.fault.message);
  await last.value.close(new AbortController().signal);

  expect(store.alarms).toEqual([]);
  const committed = committedIn(notes);
  expect(committed.size).toBeGreaterThan(KILLS);
  const wrong = [...committed].flatMap(([sessionId, sequence]) => missingFrom(sessionId, sequence));
  expect(wrong).toEqual([]);
  const broken = [...store.sessions].map(([sessionId, { chunks }]) => verifySession(chunks, sessionId));
  expect(broken.filter(({ kind }) => kind !== 'Complete')).toEqual([]);
  expect(readdirSync(spoolFolder).filter((name) => name.endsWith('.spool'))).toEqual([]);
}, 600_000);

/** By session, the last event that a commit said ok to. */
function committedIn(notes: string): ReadonlyMap<string, number> {
  // The last line of a killed writer may be cut short.
  const lines = readFileSync(notes, 'utf8').matchAll(/^(run-\d+-session-\d+) (\d+)$/gm);
  const committed = new Map<string, number>();
  for (const [, sessionId = '', sequence] of lines) {
    committed.set(sessionId, Math.max(Number(sequence), committed.get(sessionId) ?? 0));
  }
  return committed;
}

/** What is wrong with a session of which a commit held `sequence`: an event that is missing, or is not the one that was recorded. */
function missingFrom(sessionId: string, sequence: number): readonly string[] {
  const events = store.sessions.get(sessionId)?.events ?? [];
  if (events.length < sequence) return [`${sessionId} has ${events.length} events of at least ${sequence}`];
  return events.slice(1, -1).flatMap((encoded, index) => {
    const number = index + 2;
    const decoded = decodeEvent(encoded);
    // Each answer names its own number, in its command and in each of its bytes.
    const right =
      decoded.ok &&
      decoded.value.sequence === number &&
      decoded.value.event.kind === 'AnswerPart' &&
      decoded.value.event.commandId === number &&
      decoded.value.event.bytes.every((byte) => byte === number % 256);
    return right ? [] : [`${sessionId} has something else as event ${number}`];
  });
}
