import { expect, test } from '@jest/globals';
import type { MaskRules } from '@sidegate/policy';
import { bothMasks } from './both-masks.ts';
import { MASKS } from './ssh/testing/exhibit.ts';

/** Masks that show that they were put on. */
function marking(digests: readonly string[] | undefined, mark: string): MaskRules {
  const { digests: _, ...rest } = MASKS;
  return { ...rest, ...(digests === undefined ? {} : { digests }), maskContent: (text) => `${mark}(${text})` };
}

test.each([
  ['others are put on behind them', ['a'], ['b'], 'b(a(x))'],
  ['the same are not put on twice', ['a'], ['a'], 'a(x)'],
  ['nor those that are among them', ['a', 'b'], ['b'], 'a(x)'],
  ['those that hold more are', ['a'], ['a', 'b'], 'b(a(x))'],
  ['nobody knows whether they are the same', undefined, undefined, 'b(a(x))'],
  ['nobody knows what those are', ['a'], undefined, 'b(a(x))'],
])('beside masks that are in force: %s', (_name, a, b, expected) => {
  expect(bothMasks(marking(a, 'a'), marking(b, 'b')).maskContent('x')).toBe(expected);
});

test('what is put on together is known again', () => {
  const both = bothMasks(marking(['a'], 'a'), marking(['b'], 'b'));
  expect(bothMasks(both, marking(['b', 'a'], 'c'))).toBe(both);
});
