import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { asMixedText, fromMixedText } from './mixed-text.ts';

test('any bytes come back as they were', () => {
  const parts = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Uint8Array.from(Buffer.from(text))),
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      expect(Buffer.from(fromMixedText(asMixedText(bytes))).equals(bytes)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['UTF-8 beside a byte that is none', [0xff, ...Buffer.from('jürgen 🙂')], '\udcffjürgen 🙂'],
  ['a sequence that is cut', [0x61, 0xe2, 0x80], 'a\udce2\udc80'],
  ['a surrogate, which UTF-8 has not', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  ['a character written too long', [0xc0, 0xaf], '\udcc0\udcaf'],
])('%s', (_what, bytes, text) => {
  expect(asMixedText(Uint8Array.from(bytes))).toBe(text);
});

test('text without such bytes is its UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(Buffer.from(fromMixedText(text)).equals(Buffer.from(text))).toBe(true);
    }),
  );
});
