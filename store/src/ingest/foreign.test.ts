import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { podSessionId, type SealedChunk } from '@sidegate/session';
import { SampleSession } from '../testing/sample-session.ts';
import { record, StoreBench } from '../testing/store-bench.ts';
import type { AttestedPod } from './caller.ts';
import type { Verdict } from './intake.ts';

const TRUE: AttestedPod = {
  namespace: 'agents',
  name: 'bot-1',
  uid: '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b11',
  serviceAccount: 'bot',
};
const FORGER: AttestedPod = { ...TRUE, name: 'bot-2', uid: '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b12' };
const SESSION = podSessionId(TRUE.uid, 'a1');

let bench: StoreBench;

beforeEach(async () => {
  bench = new StoreBench();
  await bench.open();
});
afterEach(() => bench.discard());

function offer(pod: AttestedPod, chunk: SealedChunk): Promise<Verdict> {
  return bench.store.intake.offer({ ...chunk, chunk: chunk.bytes, pod });
}

test('whatever another gate forged before or after, the true record is stored and stays', async () => {
  const truth = record(SESSION, 1, { gateId: TRUE.uid }).whole();
  const forged = [
    // The very bytes of the true gate, stolen; the same session under its own name; and another story.
    ...truth,
    ...record(SESSION, 1, { gateId: FORGER.uid }).whole(),
    ...record(SESSION, 2, { gateId: TRUE.uid, atUs: 9_000 }).whole(),
  ];
  for (const chunk of forged) expect(await offer(FORGER, chunk)).toMatchObject({ kind: 'Foreign', lastSequence: 0 });
  expect(await bench.sessionIds()).toEqual([]);
  for (const chunk of truth) expect(await offer(TRUE, chunk)).toMatchObject({ kind: 'Stored' });
  for (const chunk of forged) expect(await offer(FORGER, chunk)).toMatchObject({ kind: 'Foreign', lastSequence: 0 });
  for (const chunk of truth) expect(await offer(TRUE, chunk)).toMatchObject({ kind: 'Duplicate' });
  expect(await bench.verify(SESSION)).toMatchObject({ consistent: true, lastSha256: truth.at(-1)?.sha256 });
});

test('an alarm names who forged, stands with the session that there is, and keeps what came', async () => {
  const [first] = record(SESSION, 1, { gateId: TRUE.uid }).chunks;
  if (first === undefined) throw new Error('a session has a first chunk');
  await offer(FORGER, first);
  expect(bench.store.alarms.list('', 10)).toMatchObject([{ kind: 'Foreign', sessionId: '' }]);
  await offer(TRUE, first);
  await offer(FORGER, first);
  const [alarm] = bench.store.alarms.list(SESSION, 10);
  expect(alarm).toMatchObject({ kind: 'Foreign', text: expect.stringMatching(/agents\/bot-2 .*7b12.*another pod/) });
  const kept = readFileSync(join(bench.directory, 'evidence', alarm?.evidence ?? ''));
  expect(Buffer.compare(kept, first.bytes)).toBe(0);
});

test('a gate is not told where the session of another stands', async () => {
  const [first] = record(SESSION, 1, { gateId: TRUE.uid }).chunks;
  if (first === undefined) throw new Error('a session has a first chunk');
  await offer(TRUE, first);
  const question = {
    sessionId: SESSION,
    firstSequence: 0,
    lastSequence: 0,
    sha256: new Uint8Array(),
    chunk: new Uint8Array(),
  };
  const ask = (pod: AttestedPod): Promise<Verdict> => bench.store.intake.offer({ ...question, pod });
  expect(await ask(FORGER)).toMatchObject({ kind: 'Foreign', lastSequence: 0, lastSha256: new Uint8Array() });
  // A gate that has no session yet asks whether the store is there.
  expect(await bench.store.intake.offer({ ...question, sessionId: '', pod: FORGER })).toMatchObject({
    kind: 'Position',
  });
  expect(await ask(TRUE)).toMatchObject({ kind: 'Position', lastSequence: 1, lastSha256: first.sha256 });
});

test.each([
  ['its own session, with the id of another gate', { gateId: FORGER.uid }, {}, 'Foreign'],
  ['its own session, opened by another gate', {}, { gate: { id: FORGER.uid, version: '1' } }, 'Foreign'],
  ['its own session, of another pod', {}, { pod: { ...TRUE, uid: FORGER.uid } }, 'Foreign'],
  ['its own session, of its pod under another name', {}, { pod: { ...TRUE, name: 'bot-2' } }, 'Foreign'],
  ['its own session, of its pod', {}, { pod: TRUE }, 'Stored'],
  ['its own session, of a pod that the token did not name', {}, {}, 'Stored'],
])(
  '%s: %p',
  async (_, header, { pod, ...change }: { pod?: AttestedPod; gate?: { id: string; version: string } }, kind) => {
    const session = new SampleSession(SESSION, { gateId: TRUE.uid, ...header });
    const opened = session.opened();
    const verified = pod === undefined ? opened.verified : { ...opened.verified, pod };
    const gate = { id: TRUE.uid, version: '1' };
    expect(await offer(TRUE, session.chunk({ ...opened, gate, ...change, verified }))).toMatchObject({ kind });
  },
);

test('the gate of a pod is there for as long as it has a stream, whatever it speaks of', async () => {
  const [first] = record(SESSION, 1, { gateId: TRUE.uid }).chunks;
  if (first === undefined) throw new Error('a session has a first chunk');
  const stream = bench.store.presence.stream(TRUE.uid);
  await offer(TRUE, first);
  bench.nowUs += 400_000_000;
  await bench.store.tidy();
  expect(bench.alarmKinds()).toEqual([]);
  stream.end();
  bench.nowUs += 299_000_000;
  await bench.store.tidy();
  expect(bench.alarmKinds()).toEqual([]);
  bench.nowUs += 2_000_000;
  await bench.store.tidy();
  expect(bench.alarmKinds()).toEqual(['TailUnknown']);
});

test('what was attested stands with the session, and goes when nothing of the pod is left', async () => {
  const [first] = record(SESSION, 1, { gateId: TRUE.uid }).chunks;
  if (first === undefined) throw new Error('a session has a first chunk');
  bench.store.pods.heard(TRUE, bench.nowUs);
  bench.store.pods.heard(FORGER, bench.nowUs);
  await offer(TRUE, first);
  expect(bench.store.pods.find(TRUE.uid)).toEqual(TRUE);
  bench.nowUs += 86_400_000_001;
  await bench.store.tidy();
  expect(bench.store.pods.find(TRUE.uid)).toEqual(TRUE);
  expect(bench.store.pods.find(FORGER.uid)).toBeUndefined();
});
