import { describe, expect, it } from '@jest/globals';
import { parseQuantity } from './quantity.ts';

describe('a quantity of bytes', () => {
  it.each([
    [4096, 4096],
    ['4096', 4096],
    ['50Mi', 52_428_800],
    ['50M', 50_000_000],
    ['1.5Ki', 1536],
    ['1k', 1000],
    ['0', 0],
    ['1K', undefined],
    ['50MB', undefined],
    ['50 Mi', undefined],
    ['-1', undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    ['', undefined],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740993', undefined],
    ['99999999Pi', undefined],
    ['toString', undefined],
  ])('%p is %p', (quantity, expected) => {
    expect(parseQuantity(quantity)).toBe(expected);
  });
});
