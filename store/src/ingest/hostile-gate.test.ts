import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeEvent, sealChunk } from '@sidegate/session';
import { SampleSession } from '../testing/sample-session.ts';
import { record, StoreBench } from '../testing/store-bench.ts';
import type { AttestedPod } from './caller.ts';

const POD: AttestedPod = {
  namespace: 'agents',
  name: 'bot-1',
  uid: '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b11',
  serviceAccount: 'bot',
};

let bench: StoreBench;

beforeEach(async () => {
  bench = new StoreBench();
  await bench.open();
});
afterEach(() => bench.discard());

describe('a session', () => {
  test.each([
    ['a'.repeat(128), 'Stored'],
    ['a'.repeat(129), 'Invalid'],
    ['0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b11-a1', 'Stored'],
    ['', 'Invalid'],
    ['../../etc/passwd', 'Invalid'],
    ['a\nb', 'Invalid'],
    ['a\n', 'Invalid'],
    ['\u001b[2J', 'Invalid'],
    ['-a', 'Invalid'],
    ['ä', 'Invalid'],
  ])('named %j is %s', async (sessionId, kind) => {
    const [chunk] = record(sessionId).chunks;
    if (chunk === undefined) throw new Error('a session has a first chunk');
    expect(await bench.offer(chunk)).toMatchObject({ kind, lastSequence: kind === 'Stored' ? 1 : 0 });
    expect(await bench.sessionIds()).toEqual(kind === 'Stored' ? [sessionId] : []);
    // What nobody could read out is in no alarm; what came is kept.
    const expected =
      kind === 'Stored' ? [] : [{ kind: 'Invalid', sessionId: '', evidence: expect.stringMatching(/^invalid--0-/) }];
    expect(bench.store.alarms.list('', 10)).toMatchObject(expected);
  });

  test('of the pod itself is named as sessions are, too', async () => {
    const [chunk] = record(`${POD.uid}-\u001b[2J`, 0, { gateId: POD.uid }).chunks;
    if (chunk === undefined) throw new Error('a session has a first chunk');
    const offer = { ...chunk, chunk: chunk.bytes, pod: POD };
    expect(await bench.store.intake.offer(offer)).toMatchObject({ kind: 'Invalid' });
    expect(await bench.store.intake.offer({ ...offer, chunk: new Uint8Array() })).toMatchObject({ kind: 'Invalid' });
  });
});

describe('alarms', () => {
  test.each([1000, 1001, 1500])('with %i sessions that there are not name a thousand of them', async (count) => {
    const wrong = Array.from({ length: count }, (_none, at) => {
      const session = new SampleSession(`made-up-${at}`);
      session.chunk(session.opened());
      return session.chunk(session.remark('too early'));
    });
    expect(new Set(await bench.offerAll(wrong))).toEqual(new Set(['Gap']));
    const alarms = bench.store.alarms.list('', 10_000);
    expect(alarms.filter(({ sessionId }) => sessionId !== '')).toHaveLength(1000);
    expect(alarms.length).toBe(count === 1000 ? 1000 : 1001);
  });

  test('of one pod that speaks for others leave room for those of the next', async () => {
    const forge = (pod: AttestedPod, from: number) =>
      Array.from({ length: 150 }, (_none, at) =>
        bench.store.intake.offer({
          sessionId: `0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b12-${from + at}`,
          firstSequence: from + at,
          lastSequence: from + at,
          sha256: new Uint8Array(32),
          chunk: new Uint8Array([1, 2, 3]),
          pod,
        }),
      );
    await Promise.all(forge(POD, 1));
    await Promise.all(forge({ ...POD, name: 'bot-3', uid: '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b13' }, 1000));
    const told = bench.store.alarms.list('', 1000);
    expect(told.map(({ text }) => /bot-\d/u.exec(text)?.[0])).toEqual(['bot-3', 'bot-1']);
  });
});

test('a chunk that stands for much more than it holds is refused at the first event that differs', async () => {
  const session = new SampleSession('s');
  const bytes = new Uint8Array(1024 * 1024);
  const chunks = [session.chunk(session.opened())];
  for (let at = 0; at < 64; at += 1) chunks.push(session.chunk({ kind: 'AnswerPart', atUs: 1, commandId: 1, bytes }));
  expect(new Set(await bench.offerAll(chunks))).toEqual(new Set(['Stored']));
  const read: number[] = [];
  const { segments } = bench.store;
  const before = segments.read.bind(segments);
  segments.read = (place) => {
    read.push(place.length);
    return before(place);
  };
  const lie = sealChunk({
    sessionId: 's',
    gateId: 'gate-1',
    firstSequence: 1,
    previousSha256: undefined,
    opens: true,
    closes: false,
    events: Array.from({ length: 64 }, (_none, at) =>
      encodeEvent(at + 1, at === 0 ? session.opened() : { kind: 'CommandForwarded', atUs: 1, commandId: 1 }),
    ),
  });
  expect(await bench.offer(lie)).toMatchObject({ kind: 'Fork' });
  expect(read).toHaveLength(1);
});
