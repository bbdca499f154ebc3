import { isUtf8 } from 'node:buffer';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { asMixedText, fromMixedText, showMixedText } from './mixed-text.ts';

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

test('a character is one wherever Node.js says so, and a byte by itself wherever not', () => {
  const wide = fc.array(
    fc.constantFrom(0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5),
  );
  fc.assert(
    fc.property(wide, (numbers) => {
      const bytes = Buffer.from(numbers);
      let text = '';
      for (let at = 0; at < bytes.length; ) {
        const length = [1, 2, 3, 4].find((many) => at + many <= bytes.length && isUtf8(bytes.subarray(at, at + many)));
        text +=
          length === undefined
            ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
            : bytes.toString('utf8', at, at + length);
        at += length ?? 1;
      }
      expect(asMixedText(bytes)).toBe(text);
    }),
    { numRuns: 5_000 },
  );
});

test('a large value is shown and comes back whole, also where it is cut into pieces within a pair', () => {
  for (const shift of [0, 1]) {
    const bytes = Buffer.concat([Buffer.alloc(shift, 'x'), Buffer.from('🙂'.repeat(20_000)), Buffer.from([0xff])]);
    const text = asMixedText(bytes);
    expect(showMixedText(text)).toBe(`${'x'.repeat(shift)}${'🙂'.repeat(20_000)}\\xff`);
    expect(Buffer.from(fromMixedText(text)).equals(bytes)).toBe(true);
  }
});
