import { zstdCompressSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { hashChunk } from './chain.ts';
import { CHUNK_EVENTS_MAX, openChunk, sealChunk } from './chunk.ts';
import { decodeEvent } from './decode.ts';
import { encodeEvent } from './encode.ts';
import type { SessionEvent } from './event.ts';
import { sampleJudged, sampleOpened } from './testing/index.ts';
import { WireBuffer } from './wire-buffer.ts';

const FRAME = {
  sessionId: 's',
  gateId: 'g',
  firstSequence: 1,
  previousSha256: undefined,
  opens: true,
  closes: false,
};

function chunkOf(count: number): Uint8Array {
  const events = Array.from({ length: count }, (_none, at) =>
    encodeEvent(at + 1, at === 0 ? sampleOpened() : { kind: 'CommandForwarded', atUs: 1, commandId: 1 }),
  );
  return sealChunk({ ...FRAME, events }).bytes;
}

/** A chunk with a payload that says of itself that it holds so many events. */
function lying(payload: Uint8Array, lastSequence: number): Uint8Array {
  const header = { ...FRAME, lastSequence };
  const out = new WireBuffer();
  out.number(1, 1);
  out.text(2, 's');
  out.text(3, 'g');
  out.number(4, 1);
  out.number(5, lastSequence);
  out.blob(7, hashChunk(header, payload));
  out.number(8, 1);
  out.number(10, payload.length);
  out.blob(11, zstdCompressSync(payload));
  return out.view();
}

test.each([
  [CHUNK_EVENTS_MAX, true],
  [CHUNK_EVENTS_MAX + 1, false],
])('a chunk of %i events is read: %p', (count, read) => {
  const opened = openChunk(chunkOf(count));
  expect(opened).toMatchObject(read ? { ok: true } : { ok: false, fault: { code: 'ChunkTooLarge' } });
});

test('a chunk that says it holds more events than there are numbers is refused before it is unpacked', () => {
  expect(openChunk(lying(new Uint8Array(8), Number.MAX_SAFE_INTEGER))).toMatchObject({
    ok: false,
    fault: { code: 'ChunkTooLarge' },
  });
});

test('of a payload with more events than its chunk says no more are looked at', () => {
  // Each byte is an event without content: all of them would take a hundred times the payload.
  expect(openChunk(lying(new Uint8Array(32 * 1024 * 1024), 1))).toMatchObject({
    ok: false,
    fault: { code: 'ChunkMalformed', message: 'This is no chunk: its events cannot be told apart.' },
  });
});

test.each<[string, number, (count: number) => SessionEvent]>([
  ['bind values', 1, (count) => sampleJudged(1, 1, 'x', { binds: Array.from({ length: count }, () => '') })],
  ['verbs', 1, (count) => sampleJudged(1, 1, 'x', { verbs: Array.from({ length: count }, () => '') })],
  ['objects', 1, (count) => sampleJudged(1, 1, 'x', { objects: Array.from({ length: count }, () => '') })],
  ['observed', 1, (count) => sampleJudged(1, 1, 'x', { observed: Array.from({ length: count }, () => '') })],
  ['claims of a command', 64, (count) => sampleJudged(1, 1, 'x', { claimed: mapOf(count) })],
  ['claims', 64, (count) => sampleOpened({ claimed: mapOf(count) })],
  ['details', 64, (count) => sampleOpened({ details: mapOf(count) })],
  [
    'groups',
    1,
    (count) =>
      sampleOpened({ verified: { ...sampleOpened().verified, groups: Array.from({ length: count }, () => '') } }),
  ],
  [
    'votes',
    64,
    (count) => ({
      kind: 'HoldEnded',
      atUs: 1,
      commandId: 1,
      approvalId: 'a',
      outcome: 'Approved',
      reason: '',
      decidedBy: Array.from({ length: count }, () => ({ user: 'u', decision: 'd', reason: '', atUs: 1 })),
    }),
  ],
])('a list of %s takes %i of the room that there is for each element', (_name, each, event) => {
  const read = (count: number) => decodeEvent(encodeEvent(1, event(count)), { left: 10 * each });
  expect([9, 10, 11].map((count) => read(count).ok)).toEqual([true, true, false]);
});

test('all events of a chunk share the room for lists', () => {
  const opened = (count: number) => {
    const judged = sampleJudged(1, 1, 'x', { claimed: mapOf(count) });
    return openChunk(
      sealChunk({ ...FRAME, events: [encodeEvent(1, sampleOpened()), encodeEvent(2, judged), encodeEvent(3, judged)] })
        .bytes,
    );
  };
  expect(opened(32 * 1024).ok).toBe(true);
  expect(opened(32 * 1024 + 1)).toMatchObject({ ok: false, fault: { code: 'ChunkMalformed' } });
});

function mapOf(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: count }, (_none, at) => [`k${at}`, '']));
}
