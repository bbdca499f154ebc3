import { describe, expect, test } from '@jest/globals';
import type { DetectorName, MaskWith } from '@sidegate/crds';
import * as fc from 'fast-check';
import { buildContentMask, DETECTOR_NAMES, findContent } from './content-mask.ts';

const KEY = Buffer.from('a key for tests');
const SEED = 20_261;

function maskOf(...detect: readonly (readonly [DetectorName, MaskWith, string?])[]): (text: string) => string {
  return buildContentMask(
    detect.map(([detector, mask, rule]) => ({ detector, mask: { rule: rule ?? detector, with: mask } })),
    KEY,
  );
}

describe('the content mask', () => {
  test('replaces what it finds and leaves the rest', () => {
    const mask = maskOf(['CreditCard', { type: 'Partial', keepLast: 4 }], ['Email', { type: 'Redact' }]);
    expect(mask('card 4111 1111 1111 1111 of bob@example.com.')).toBe('card ***************1111 of [masked].');
  });

  test('returns the same text when nothing is found', () => {
    const text = 'order 4111111111111112 of bob at example.com';
    expect(maskOf(...DETECTOR_NAMES.map((name) => [name, { type: 'Redact' }] as const))(text)).toBe(text);
  });

  test('looks only for what it was told to', () => {
    expect(maskOf(['Email', { type: 'Redact' }])('4111111111111111')).toBe('4111111111111111');
    expect(maskOf()('4111111111111111')).toBe('4111111111111111');
  });

  test('masks a text whole in which each masked value uncovers another for too long', () => {
    const mask = maskOf(...DETECTOR_NAMES.map((name) => [name, { type: 'Redact' }] as const));
    const chain = '001-01-0001+4400000000eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.a+4400000000';
    expect(mask(`x ${chain} y`)).toBe('x [masked][masked][masked][masked] y');
    expect(mask(`x ${chain}+4400000000 y`)).toBe('[masked]');
  });

  test('says [masked] for Null inside a text', () => {
    expect(maskOf(['Email', { type: 'Null' }])('to bob@example.com')).toBe('to [masked]');
  });

  test('hashes equal finds alike, and others otherwise', () => {
    const mask = maskOf(['Email', { type: 'Hash' }]);
    expect(mask('bob@example.com bob@example.com')).toMatch(/^(hash:[0-9a-f]{16}) \1$/);
    expect(mask('bob@example.com')).not.toBe(mask('rob@example.com'));
  });

  test('covers overlapping finds whole with the strongest mask', () => {
    const text = 'a 2025550123@example.com b';
    const phone = ['Phone', { type: 'Redact' }] as const;
    const email = ['Email', { type: 'Partial', keepLast: 4 }] as const;
    expect(maskOf(phone, email)(`phone ${text}`)).toBe('phone a [masked] b');
    expect(maskOf(email, phone)(`phone ${text}`)).toBe('phone a [masked] b');
    expect(maskOf(email)(text)).toBe('a ******************.com b');
  });

  test('takes the strongest of two masks for one detector, in either order', () => {
    const weak = ['Email', { type: 'Partial' }, 'a'] as const;
    const strong = ['Email', { type: 'Redact' }, 'b'] as const;
    expect(maskOf(weak, strong)('bob@example.com')).toBe('[masked]');
    expect(maskOf(strong, weak)('bob@example.com')).toBe('[masked]');
  });
});

const masks: fc.Arbitrary<MaskWith> = fc.oneof(
  fc.constantFrom<MaskWith>({ type: 'Redact' }, { type: 'Hash' }, { type: 'Null' }),
  fc.nat(30).map((keepLast): MaskWith => ({ type: 'Partial', keepLast })),
);
const pieces = fc.constantFrom(
  '4111111111111111',
  '4111 1111 1111 1111',
  'bob@example.com',
  '219-09-9999',
  'GB29 NWBK 6016 1331 9268 19',
  '+1 202 555 0123',
  '020 7946 0958',
  'eyJhbGciOiJub25lIn0.e30.',
  'AKIAIOSFODNN7EXAMPLE',
  '-----BEGIN PRIVATE KEY-----',
  ' ',
  '-',
  '*',
  '"',
  '7',
  '@',
  '.',
  'ssn ',
);
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.oneof(pieces, fc.string({ maxLength: 6 })), { maxLength: 12 }).map((parts) => parts.join('')),
);

describe('whatever the text', () => {
  test('finds are in order and inside it, and masking twice is masking once', () => {
    fc.assert(
      fc.property(texts, masks, (text, mask) => {
        for (const find of findContent(text)) {
          expect(find.start).toBeGreaterThanOrEqual(0);
          expect(find.end).toBeGreaterThan(find.start);
          expect(find.end).toBeLessThanOrEqual(text.length);
        }
        const apply = maskOf(...DETECTOR_NAMES.map((name) => [name, mask] as const));
        const once = apply(text);
        expect(apply(once)).toBe(once);
        if (findContent(text).length === 0) expect(once).toBe(text);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('a planted number is found', () => {
    const planted = fc.constantFrom<[DetectorName, string]>(
      ['CreditCard', '4111-1111-1111-1111'],
      ['CreditCard', '378282246310005'],
      ['UsSsn', '219-09-9999'],
      ['Iban', 'GB29NWBK60161331926819'],
      ['Phone', '+442079460958'],
      ['Email', 'bob@example.com'],
      ['Jwt', 'eyJhbGciOiJub25lIn0.e30.c2ln'],
      ['CloudKey', 'AKIAIOSFODNN7EXAMPLE'],
    );
    fc.assert(
      fc.property(texts, planted, texts, (before, [detector, value], after) => {
        const text = `${before}="${value}";${after}`;
        const start = before.length + 2;
        const hit = findContent(text, [detector]).some(
          (find) => find.start <= start && find.end >= start + value.length,
        );
        expect(hit).toBe(true);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
