import { describe, expect, test } from '@jest/globals';
import { parseQuantity } from './quantity.ts';

describe('a quantity', () => {
  test.each([
    ['50Mi', 52_428_800],
    ['1', 1],
    [1, 1],
    ['10k', 10_000],
    ['1Ki', 1024],
    ['2M', 2_000_000],
    ['3G', 3_000_000_000],
    ['1Gi', 1_073_741_824],
    ['4T', 4_000_000_000_000],
    ['1Ti', 1_099_511_627_776],
    [9_007_199_254_740_991, 9_007_199_254_740_991],
  ])('%s is %d bytes', (quantity, bytes) => {
    expect(parseQuantity(quantity)).toEqual({ ok: true, value: bytes });
  });

  test.each(['', '0', '-1', '1.5', '50MiB', '50 Mi', '50mi', '1K', '1e3', '9007199254740992', '9999Ti', 1.5, 0])(
    '%s is refused',
    (quantity) => {
      expect(parseQuantity(quantity)).toEqual({
        ok: false,
        fault: {
          code: 'BadQuantity',
          message: `${JSON.stringify(quantity)} is not a quantity of bytes.`,
          mend: 'Write a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T, such as 50Mi.',
        },
      });
    },
  );
});
