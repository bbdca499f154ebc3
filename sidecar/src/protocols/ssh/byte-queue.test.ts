import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ByteQueue } from './byte-queue.ts';

test('gives back what was put in, in whatever pieces it is put and taken', () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('push'), bytes: fc.uint8Array({ maxLength: 12 }) }),
    fc.record({ kind: fc.constantFrom('take', 'peek', 'skip'), count: fc.nat(20), from: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const queue = new ByteQueue();
      let model: readonly number[] = [];
      for (const one of acts) {
        if ('bytes' in one) {
          queue.push(one.bytes);
          model = [...model, ...one.bytes];
        } else {
          if (one.kind === 'peek')
            expect([...queue.peek(one.count, one.from)]).toEqual(model.slice(one.from, one.from + one.count));
          else if (one.kind === 'take') expect([...queue.take(one.count)]).toEqual(model.slice(0, one.count));
          else queue.skip(one.count);
          if (one.kind !== 'peek') model = model.slice(one.count);
        }
        expect(queue.length).toBe(model.length);
      }
      expect([...queue.take(queue.length)]).toEqual(model);
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('what lies in one piece is not copied', () => {
  const queue = new ByteQueue();
  const piece = Buffer.from('abcdef');
  queue.push(piece);
  queue.push(Buffer.from('g'));
  expect([queue.take(2).buffer, queue.take(4).buffer]).toEqual([piece.buffer, piece.buffer]);
  expect(queue.take(9).toString()).toBe('g');
});

test('many small pieces are joined, and stay what they are', () => {
  const queue = new ByteQueue();
  for (let at = 0; at < 5_000; at += 1) queue.push(Buffer.from([at & 255]));
  queue.skip(1);
  expect([...queue.take(4_999)]).toEqual(Array.from({ length: 4_999 }, (_, at) => (at + 1) & 255));
});
