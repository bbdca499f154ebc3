import { describe, expect, test } from '@jest/globals';
import type { MaskWith } from '@sidegate/crds';
import * as fc from 'fast-check';
import { maskText, strongerMask } from './text.ts';

const KEY = Buffer.from('a key for tests');

describe('one value', () => {
  test.each<[story: string, mask: MaskWith, text: string, masked: string | null]>([
    ['Redact', { type: 'Redact' }, 'anything', '[masked]'],
    ['Redact of nothing', { type: 'Redact' }, '', '[masked]'],
    ['Null', { type: 'Null' }, 'anything', null],
    ['Partial keeps four', { type: 'Partial' }, '4111111111111111', '************1111'],
    ['Partial keeps what it is told', { type: 'Partial', keepLast: 2 }, '12345678', '******78'],
    ['Partial keeps at most half', { type: 'Partial', keepLast: 4 }, '12345', '***45'],
    ['Partial covers a value of that length', { type: 'Partial', keepLast: 4 }, '1234', '****'],
    ['Partial covers a shorter value', { type: 'Partial', keepLast: 4 }, '123', '***'],
    ['Partial of one character', { type: 'Partial', keepLast: 1 }, '1', '*'],
    ['Partial that keeps nothing', { type: 'Partial', keepLast: 0 }, '12345678', '********'],
    ['Partial with a count below zero', { type: 'Partial', keepLast: -1 }, '12345678', '********'],
    ['Partial counts characters, not units', { type: 'Partial', keepLast: 2 }, '😀😀😀😀', '**😀😀'],
    ['Partial of what is masked already', { type: 'Partial' }, '[masked]', '[masked]'],
    ['Partial of nothing', { type: 'Partial' }, '', ''],
    ['Hash', { type: 'Hash' }, 'bob', 'hash:e3eaf60c883213de'],
  ])('%s', (_story, mask, text, masked) => {
    expect(maskText(mask, text, KEY)).toBe(masked);
  });

  test('a hash depends on the key', () => {
    expect(maskText({ type: 'Hash' }, 'bob', Buffer.from('other'))).not.toBe(maskText({ type: 'Hash' }, 'bob', KEY));
  });

  test('Partial never shows more than half, keeps the length, and masking again changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, keepLast) => {
        const mask: MaskWith = { type: 'Partial', keepLast };
        const masked = maskText(mask, text, KEY) ?? '';
        const characters = Array.from(text);
        const shown = Array.from(masked);
        expect(shown).toHaveLength(characters.length);
        expect(shown.slice(0, Math.ceil(shown.length / 2)).every((character) => character === '*')).toBe(true);
        expect(maskText(mask, masked, KEY)).toBe(masked);
      }),
      { seed: 20_262 },
    );
  });
});

test('the stronger of two masks does not depend on the order', () => {
  const ordered: readonly MaskWith[] = [
    { type: 'Partial', keepLast: 8 },
    { type: 'Partial' },
    { type: 'Partial', keepLast: 0 },
    { type: 'Hash' },
    { type: 'Redact' },
    { type: 'Null' },
  ];
  for (const [index, weak] of ordered.entries()) {
    for (const strong of ordered.slice(index + 1)) {
      const a = { rule: 'a', with: weak };
      const b = { rule: 'b', with: strong };
      expect(strongerMask(a, b)).toBe(b);
      expect(strongerMask(b, a)).toBe(b);
    }
    const a = { rule: 'a', with: weak };
    const b = { rule: 'b', with: weak };
    expect(strongerMask(a, b)).toBe(a);
    expect(strongerMask(b, a)).toBe(a);
  }
});
