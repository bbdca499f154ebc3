import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { openChunk, type SealedChunk, sealChunk } from './chunk.ts';
import { encodeEvent } from './encode.ts';
import type { Opened, SessionEvent } from './event.ts';
import { type Chunk, ChunkSchema } from './generated/sidegate/session/v1/session_pb.js';
import { sampleOpened } from './testing/index.ts';
import { verifySession } from './verify.ts';

const opened: Opened = sampleOpened();
const closed: SessionEvent = { kind: 'Closed', atUs: 9, code: 'AgentLeft', reason: '' };
const remark = (text: string): SessionEvent => ({ kind: 'Remark', atUs: 5, code: 'C', text });

/** One session cut into chunks of two events. */
function chunksOf(events: readonly SessionEvent[], sessionId = 's1'): readonly SealedChunk[] {
  const chunks: SealedChunk[] = [];
  for (let first = 0; first < events.length; first += 2) {
    const part = events.slice(first, first + 2);
    chunks.push(
      sealChunk({
        sessionId,
        gateId: 'g',
        firstSequence: first + 1,
        previousSha256: chunks.at(-1)?.sha256,
        opens: part[0]?.kind === 'Opened',
        closes: part.at(-1)?.kind === 'Closed',
        events: part.map((event, index) => encodeEvent(first + index + 1, event)),
      }),
    );
  }
  return chunks;
}

const events = [opened, remark('a'), remark('b'), remark('c'), remark('d'), closed];
const [one, two, three] = chunksOf(events).map((chunk) => chunk.bytes);
const [otherOne, otherTwo] = chunksOf([opened, remark('a'), remark('X'), remark('c')]).map((chunk) => chunk.bytes);
const [stranger] = chunksOf(events, 's2').map((chunk) => chunk.bytes);
if (!one || !two || !three || !otherOne || !otherTwo || !stranger) throw new Error('three chunks were expected');

const change = (bytes: Uint8Array, edit: (chunk: Chunk) => void): Uint8Array => {
  const chunk = fromBinary(ChunkSchema, bytes);
  edit(chunk);
  return toBinary(ChunkSchema, chunk);
};

test('a chunk is byte for byte what the protobuf library writes', () => {
  for (const bytes of [one, two, three]) {
    expect(Buffer.from(toBinary(ChunkSchema, fromBinary(ChunkSchema, bytes)))).toEqual(Buffer.from(bytes));
  }
});

describe('a session is', () => {
  test.each([
    ['complete from Opened to Closed', [one, two, three], { kind: 'Complete', lastSequence: 6 }],
    ['open without an end', [one, two], { kind: 'Open', lastSequence: 4 }],
    ['empty without chunks', [], { kind: 'Empty' }],
    ['gapped where a chunk was deleted', [one, three], { kind: 'Gap', from: 3, to: 4 }],
    ['gapped where the first chunk was deleted', [two, three], { kind: 'Gap', from: 1, to: 2 }],
    ['gapped where chunks change places', [one, three, two], { kind: 'Gap', from: 3, to: 4 }],
    ['broken where a chunk comes twice', [one, two, two], { kind: 'Broken', sequence: 5 }],
    ['broken where another branch was put in', [one, otherTwo, three], { kind: 'Broken', sequence: 5 }],
    ['whole where only the same chunk was put in', [otherOne, two, three], { kind: 'Complete', lastSequence: 6 }],
    ['broken where another session begins', [stranger, two, three], { kind: 'Broken', sequence: 3 }],
    ['broken where it goes on after its end', [one, two, three, ...chunksAfter()], { kind: 'Broken', sequence: 7 }],
  ])('%s', (_name, chunks, verdict) => {
    expect(verifySession(chunks)).toMatchObject(verdict);
  });

  test('not what it is asked to be when it belongs to another', () => {
    expect(verifySession([one, two, three], 's1')).toMatchObject({ kind: 'Complete' });
    expect(verifySession([one, two, three], 's2')).toMatchObject({ kind: 'Broken', sequence: 1 });
  });

  test('no longer itself after any one byte of any chunk was changed', () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, flip) => {
        const chunks = [one, two, three].map((chunk) => Uint8Array.from(chunk));
        const changed = chunks[which] ?? new Uint8Array(1);
        const place = at % changed.length;
        changed[place] = (changed[place] ?? 0) ^ flip;
        const verdict = verifySession(chunks);
        if (verdict.kind !== 'Complete') return;
        // Not everything on the wire carries meaning (a zstd frame has unused bits): what was read must still be the same.
        expect(openChunk(changed)).toEqual(openChunk([one, two, three][which] ?? new Uint8Array()));
      }),
      { numRuns: 1000 },
    );
  });
});

function chunksAfter(): readonly Uint8Array[] {
  const chunks = chunksOf([...events, remark('later'), closed]).map((chunk) => chunk.bytes);
  return chunks.slice(3);
}

describe('a chunk', () => {
  test('of the same content is the same, with the same hash', () => {
    expect(chunksOf(events)).toEqual(chunksOf(events));
  });

  test('gives back its events', () => {
    expect(openChunk(two)).toMatchObject({
      ok: true,
      value: { firstSequence: 3, lastSequence: 4, opens: false, closes: false, events: [{ event: remark('b') }, {}] },
    });
  });

  test.each<[string, (chunk: Chunk) => void, string]>([
    ['nothing', () => {}, ''],
    ['the session', (chunk) => (chunk.sessionId = 's3'), 'ChunkChanged'],
    ['the gate', (chunk) => (chunk.gateId = 'h'), 'ChunkChanged'],
    ['the numbers', (chunk) => (chunk.firstSequence = chunk.lastSequence = 5n), 'ChunkChanged'],
    ['the numbers to nonsense', (chunk) => (chunk.lastSequence = 1n), 'ChunkMalformed'],
    ['the end', (chunk) => (chunk.closes = true), 'ChunkChanged'],
    ['the hash', (chunk) => (chunk.sha256 = new Uint8Array(32)), 'ChunkChanged'],
    ['the hash to nothing', (chunk) => (chunk.sha256 = new Uint8Array()), 'ChunkMalformed'],
    ['the link', (chunk) => (chunk.previousSha256 = new Uint8Array(32)), 'ChunkChanged'],
    ['the link to nothing', (chunk) => (chunk.previousSha256 = new Uint8Array()), 'ChunkMalformed'],
    ['the format', (chunk) => (chunk.format = 2), 'ChunkMalformed'],
    ['the payload', (chunk) => (chunk.payload = new Uint8Array(9)), 'ChunkMalformed'],
    ['its length', (chunk) => (chunk.payloadBytes -= 1n), 'ChunkMalformed'],
    ['its length upwards', (chunk) => (chunk.payloadBytes += 1n), 'ChunkMalformed'],
  ])('after a change of %s is taken for what it is', (_name, edit, code) => {
    const result = openChunk(change(two, edit));
    expect(result.ok ? '' : result.fault.code).toBe(code);
  });

  test('is taken at the limit and refused above it, before it is unpacked', () => {
    const length = Number(fromBinary(ChunkSchema, two).payloadBytes);
    expect(openChunk(two, length).ok).toBe(true);
    expect(openChunk(two, length - 1)).toMatchObject({ fault: { code: 'ChunkTooLarge' } });
  });

  test('that lies about its numbers is refused although its hash fits', () => {
    const part = { sessionId: 's1', gateId: 'g', firstSequence: 1, previousSha256: undefined, closes: false };
    const honest = [encodeEvent(1, opened), encodeEvent(2, remark('a'))];
    expect(openChunk(sealChunk({ ...part, opens: true, events: honest }).bytes).ok).toBe(true);
    expect(openChunk(sealChunk({ ...part, opens: false, events: honest }).bytes).ok).toBe(false);
    const skipped = [encodeEvent(1, opened), encodeEvent(3, remark('a'))];
    expect(openChunk(sealChunk({ ...part, opens: true, events: skipped }).bytes).ok).toBe(false);
  });

  test('never throws on noise', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        openChunk(noise);
      }),
    );
  });
});
