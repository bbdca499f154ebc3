import { describe, expect, test } from '@jest/globals';
import { encodeEvent, openChunk } from '@sidegate/session';
import { FLAG } from '../spool/segment.ts';
import { SessionQueue } from './session-queue.ts';
import { SpareMemory } from './spare-memory.ts';

const rules = { chunkBytesMax: 1000, chunkWaitMs: 50 };
const memory = new SpareMemory(100_000);
const never = Number.POSITIVE_INFINITY;

const event = (sequence: number, flags = 0, length = 100) => ({
  sequence,
  flags,
  event: Buffer.from(
    encodeEvent(sequence, { kind: 'AnswerPart', atUs: 1, commandId: 1, bytes: new Uint8Array(length) }),
  ),
});

function queueOf(sizes: readonly number[], flags = 0): SessionQueue {
  const queue = new SessionQueue('s', 'g', memory);
  for (const [index, size] of sizes.entries()) queue.add(event(index + 1, flags, size), 10);
  return queue;
}

/** First and last event of the next chunk. */
function cut(queue: SessionQueue): readonly [number, number] {
  const { firstSequence, lastSequence } = queue.cut(rules);
  return [firstSequence, lastSequence];
}

describe('a chunk is due', () => {
  test.each([
    ['never without events', [], 0, never],
    ['a while after the first event that can wait', [100, 100], 0, 60],
    ['at once with an event that cannot', [100], FLAG.Urgent, 0],
    ['at once when it is full', [400, 400, 400], 0, 0],
  ])('%s', (_name, sizes, flags, due) => {
    expect(queueOf(sizes, flags).dueMs(rules)).toBe(due);
  });

  test('never while one is on its way, and again when that is acknowledged', () => {
    const queue = queueOf([400, 400, 400]);
    const { lastSequence, sha256 } = queue.cut(rules);
    expect(queue.dueMs(rules)).toBe(never);
    queue.acknowledge(lastSequence, sha256);
    expect(queue.dueMs(rules)).toBe(60);
  });
});

describe('a chunk takes', () => {
  test.each([
    ['all that there is below the limit', [100, 100, 100], [1, 3]],
    ['no more than the limit', [400, 400, 400], [1, 2]],
    ['one event that is larger than the limit', [5000, 1], [1, 1]],
  ])('%s', (_name, sizes, bounds) => {
    expect(cut(queueOf(sizes))).toEqual(bounds);
  });

  test('the same events again in the next process, although there are more by then', () => {
    const first = queueOf([100, 100]);
    const sealed = first.cut(rules);
    const progress = first.progress();
    const second = new SessionQueue('s', 'another gate', memory, progress);
    second.add(event(1), 0);
    // The rest of the chunk that may have been sent is still to be read.
    expect(second.dueMs(rules)).toBe(never);
    for (const sequence of [2, 3]) second.add(event(sequence), 0);
    expect(second.dueMs(rules)).toBe(0);
    expect(second.cut(rules)).toEqual(sealed);
  });

  test('what the store lacks when the store has the same events cut otherwise', () => {
    const queue = queueOf([100, 100, 100]);
    queue.cut(rules);
    queue.acknowledge(2, Buffer.alloc(32, 1));
    const opened = openChunk(queue.cut(rules).bytes);
    expect(opened).toMatchObject({ ok: true, value: { firstSequence: 3, previousSha256: Buffer.alloc(32, 1) } });
  });
});

describe('an event', () => {
  test('that was read before is not taken again', () => {
    const queue = queueOf([100, 100]);
    expect(queue.add(event(2), 0)).toBe(false);
    expect(queue.add(event(3), 0)).toBe(true);
  });

  test('that does not follow makes the queue ask where the store is', () => {
    const queue = queueOf([100]);
    expect(queue.positioned).toBe(true);
    queue.add(event(3), 0);
    expect(queue.positioned).toBe(false);
  });

  test('that is Closed finishes the session when it is acknowledged, also when another process had it acknowledged', () => {
    const queue = queueOf([100]);
    queue.add(event(2, FLAG.Closes | FLAG.Urgent), 0);
    expect(queue.finished).toBe(false);
    const { lastSequence, sha256 } = queue.cut(rules);
    queue.acknowledge(lastSequence, sha256);
    expect(queue.finished).toBe(true);
    const next = new SessionQueue('s', 'g', memory, { ...queue.progress(), closed: false });
    expect(next.finished).toBe(false);
    expect(next.add(event(2, FLAG.Closes), 0)).toBe(false);
    expect(next.finished).toBe(true);
  });
});

describe('when all segments are read again', () => {
  const refeed = (queue: SessionQueue, sequences: readonly number[]) =>
    sequences.filter((sequence) => queue.add(event(sequence), 10));

  test('what is here without a gap stays, and what follows the gap is taken once more', () => {
    const queue = new SessionQueue('s', 'g', memory);
    expect(refeed(queue, [1, 2, 5, 6])).toEqual([1, 2, 5, 6]);
    const before = queue.bytes;
    queue.takeUp();
    expect(queue.bytes).toBeLessThan(before);
    expect(refeed(queue, [1, 2, 3, 4, 5, 6])).toEqual([3, 4, 5, 6]);
    expect(queue.gapped).toBe(false);
  });

  test('a chunk that is on its way stays as it is', () => {
    const queue = new SessionQueue('s', 'g', memory);
    refeed(queue, [1, 2]);
    const { lastSequence, sha256 } = queue.cut(rules);
    refeed(queue, [5]);
    queue.takeUp();
    queue.acknowledge(lastSequence, sha256);
    expect(refeed(queue, [1, 2, 3, 4, 5])).toEqual([3, 4, 5]);
    expect(cut(queue)).toEqual([3, 5]);
  });

  test('what it let go is taken from where the store is, with its end', () => {
    const queue = new SessionQueue('s', 'g', memory);
    queue.add(event(1), 10);
    const { sha256 } = queue.cut(rules);
    queue.acknowledge(1, sha256);
    refeed(queue, [4]);
    expect(queue.gapped).toBe(true);
    queue.letGoOfEvents();
    queue.add(event(5, FLAG.Closes), 10);
    expect([queue.bytes, queue.finished]).toEqual([0, false]);
    queue.takeUp();
    expect(queue.finished).toBe(false);
    expect(refeed(queue, [1, 2, 3, 4])).toEqual([2, 3, 4]);
    queue.add(event(5, FLAG.Closes), 10);
    expect(cut(queue)).toEqual([2, 5]);
    queue.acknowledge(5, sha256);
    expect(queue.finished).toBe(true);
  });

  test('a chunk that may have been sent is never cut over a gap', () => {
    const queue = new SessionQueue('s', 'g', memory);
    refeed(queue, [1]);
    queue.acknowledge(1, queue.cut(rules).sha256);
    refeed(queue, [2, 3, 4]);
    expect(cut(queue)).toEqual([2, 4]);
    queue.letGoOfEvents();
    queue.takeUp();
    refeed(queue, [2, 4]);
    expect(cut(queue)).toEqual([2, 2]);
  });

  test('one of which nothing is missing is left alone', () => {
    const queue = queueOf([100, 100]);
    queue.takeUp();
    expect(refeed(queue, [1, 2, 3])).toEqual([3]);
  });
});
