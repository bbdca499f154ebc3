import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pieces } from './pieces.ts';

test('however bytes are cut, they come out as they went in', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.nat(9_000).map((length) => new Uint8Array(length).fill(7)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), fc.uint8Array({ maxLength: 3 }), (all, before) => {
      const pieces = new Pieces();
      for (const one of all) pieces.add(one);
      const whole = Buffer.concat([before, ...all]);
      expect(pieces.bytes).toBe(whole.length - before.length);
      expect(Buffer.compare(pieces.take(before), whole)).toBe(0);
      expect([pieces.bytes, pieces.buffers]).toEqual([0, 0]);
    }),
    { seed: 20261130, numRuns: 300 },
  );
});

test('a million pieces of a byte each are kept in few buffers, and large ones as they came', () => {
  const pieces = new Pieces();
  const byte = Uint8Array.of(1);
  for (let count = 0; count < 1_000_000; count += 1) pieces.add(byte);
  expect(pieces.buffers).toBeLessThan(200);
  const large = new Uint8Array(5_000);
  for (let count = 0; count < 10; count += 1) pieces.add(large);
  expect(pieces.buffers).toBeLessThan(210);
  expect(pieces.take(new Uint8Array())).toHaveLength(1_050_000);
});
