import { expect, test } from '@jest/globals';
import { HeldBytes, heldBytesMax } from './held-bytes.ts';

const MIB = 1024 * 1024;
const one = {};
const other = {};
const third = {};

test('a session may hold half of what all may, and not a byte more', () => {
  const held = new HeldBytes(64 * MIB);
  expect([held.set(one, 32 * MIB), held.set(one, 32 * MIB + 1)]).toEqual([true, false]);
});

test('all together may hold so much, and not a byte more; what is let go of, or ends, makes room', () => {
  const held = new HeldBytes(64 * MIB);
  expect([held.set(one, 32 * MIB), held.set(other, 30 * MIB), held.set(third, 2 * MIB)]).toEqual([true, true, true]);
  expect(held.set(third, 2 * MIB + 1)).toBe(false);
  held.end(third);
  expect(held.set(other, 20 * MIB)).toBe(true);
  expect([held.set(third, 12 * MIB), held.set(third, 12 * MIB + 1)]).toEqual([true, false]);
  held.end(one);
  expect(held.set(third, 32 * MIB)).toBe(true);
});

test('ordinary traffic counts for nothing', () => {
  const held = new HeldBytes(2 * MIB);
  for (let count = 0; count < 100; count++) expect(held.set({}, MIB)).toBe(true);
  expect([held.set(one, MIB + 1), held.set(other, MIB)]).toEqual([false, true]);
});

test('a container of 512 MiB may hold 64', () => {
  expect(heldBytesMax(512 * MIB)).toBe(64 * MIB);
});
