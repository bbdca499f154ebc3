import { describe, expect, test } from '@jest/globals';
import type { MaskWith } from '@sidegate/crds';
import { type FixedKind, maskFixed } from './binary.ts';

const KEY = Buffer.from('a key for tests');
const UUID = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

describe('a value without characters', () => {
  test.each<[mask: MaskWith, kind: FixedKind]>([
    [{ type: 'Redact' }, 'Int4'],
    [{ type: 'Partial' }, 'Numeric'],
    [{ type: 'Hash' }, 'Int8'],
    [{ type: 'Null' }, 'Uuid'],
    [{ type: 'Redact' }, 'Uuid'],
    [{ type: 'Redact' }, 'Bool'],
  ])('%j of %s is NULL', (mask, kind) => {
    expect(maskFixed(mask, kind, '1', KEY)).toEqual({ text: undefined, binary: undefined });
  });

  test('a hashed UUID is a UUID of version 8, the same in both formats and for both spellings', () => {
    const { text, binary } = maskFixed({ type: 'Hash' }, 'Uuid', UUID, KEY);
    expect(text).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(binary).toHaveLength(16);
    expect(Buffer.from(binary ?? []).toString('hex')).toBe(text?.replaceAll('-', ''));
    expect(maskFixed({ type: 'Hash' }, 'Uuid', UUID.replaceAll('-', '').toUpperCase(), KEY).text).toBe(text);
    expect(maskFixed({ type: 'Hash' }, 'Uuid', UUID.replace('6', '7'), KEY).text).not.toBe(text);
  });
});
