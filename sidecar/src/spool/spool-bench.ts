import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { CommandJudged, Opened } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { createRecorder } from '../recording.ts';
import { FakeStore } from '../uplink/fake-store.ts';

/**
 * What recording costs the thread that forwards: `node sidecar/src/spool/spool-bench.ts`. Prints microseconds an event of about 200
 * bytes, with no store and with one that takes everything (in the same thread), one event a commit and sixteen; and how fast the
 * spool is emptied.
 */
const EVENTS = 200_000;
const ROUNDS = 5;

const opened: Opened = sampleOpened({ sessionId: 'session' });
const judged: CommandJudged = {
  kind: 'CommandJudged',
  atUs: 1_700_000_000_000_000,
  commandId: 1,
  text: 'SELECT id, total FROM orders WHERE customer = $1 AND state = $2',
  sha256: new Uint8Array(32),
  binds: ['4711', 'open'],
  verbs: ['SELECT'],
  objects: ['read public.orders'],
  complete: true,
  decision: 'Allow',
  rule: 'data/production/read',
  reason: '',
  policyVersion: 'a1b2c3d4',
  observed: [],
  claimed: {},
};
const answer = { kind: 'AnswerPart', atUs: 1_700_000_000_000_000, commandId: 1, bytes: new Uint8Array(180) } as const;
const large = { ...answer, bytes: new Uint8Array(64 * 1024) };

async function measure(
  name: string,
  url: string | undefined,
  eventsPerCommit: number,
  event: typeof judged | typeof answer,
  events = EVENTS,
) {
  const folder = mkdtempSync(join(tmpdir(), 'sidegate-bench-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'token');
  const created = createRecorder({
    spoolFolder: folder,
    gateId: 'g',
    store: url === undefined ? undefined : { url, tokenFile },
    nowUs: () => 1,
    random: Math.random,
    limits: { spoolBytesMax: 16 * 1024 ** 3 },
    notice: () => {},
  });
  if (!created.ok) throw new Error(created.fault.message);
  const recorder = created.value;
  const record = recorder.open(opened, 'Spool');
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    for (let done = 0; done < events; done += eventsPerCommit) {
      for (let each = 0; each < eventsPerCommit; each += 1) record.append(event);
      if (!recorder.commit().ok) throw new Error('the spool ran full');
    }
    figures.push(((performance.now() - start) * 1000) / events);
    await turn();
  }
  const start = performance.now();
  const bytes = recorder.bytes;
  await recorder.close(url === undefined ? AbortSignal.abort() : new AbortController().signal);
  const seconds = (performance.now() - start) / 1000;
  rmSync(folder, { recursive: true });
  const [best = 0] = figures.toSorted((left, right) => left - right);
  process.stdout.write(`${name.padEnd(52)} ${best.toFixed(2)} µs an event (best of ${ROUNDS})\n`);
  if (url === undefined) return;
  const megabytes = bytes / 1024 ** 2;
  process.stdout.write(`${'then to the store'.padEnd(52)} ${(megabytes / seconds).toFixed(1)} MiB a second\n`);
}

const server = await new FakeStore().listen();
await measure('judged command, 1 a commit, no store', undefined, 1, judged);
await measure('judged command, 16 a commit, no store', undefined, 16, judged);
await measure('answer of 180 bytes, 1 a commit, no store', undefined, 1, answer);
await measure('answer of 180 bytes, 16 a commit, no store', undefined, 16, answer);
await measure('answer of 64 KiB, 1 a commit, no store', undefined, 1, large, 5000);
await measure('answer of 180 bytes, 1 a commit, store beside it', server.url, 1, answer);
await server.close();
process.exit(0);
