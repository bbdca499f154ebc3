import { expect, test } from '@jest/globals';
import { openMint, type Permit } from './permit.ts';

test('a permit admits its own command until that command is finished', () => {
  const mint = openMint();
  const permit = mint.mint(1);
  expect(mint.admits(permit, 1)).toBe(true);
  expect(mint.admits(permit, 1)).toBe(true);
  mint.retire(1);
  expect(mint.admits(permit, 1)).toBe(false);
});

test.each<[string, (mine: Permit) => Permit, number]>([
  ['for another command', (mine) => mine, 2],
  ['made by another mint', () => openMint().mint(1), 1],
  ['made by hand', () => ({ commandId: 1 }) as Permit, 1],
])('a permit %s admits nothing', (_name, forge, commandId) => {
  const mint = openMint();
  const mine = mint.mint(1);
  expect(mint.admits(mine, 1)).toBe(true);
  expect(mint.admits(forge(mine), commandId)).toBe(false);
});
