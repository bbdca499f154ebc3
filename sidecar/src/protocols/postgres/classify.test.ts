import { describe, expect, test } from '@jest/globals';
import { commenterClaims } from './classify.ts';
import { valueText } from './value-text.ts';

describe('sqlcommenter', () => {
  test.each([
    ["select 1 /*run='r-1',task='clean%20up'*/", { run: 'r-1', task: 'clean up' }],
    ["select 1 /* run='r-1' */ ; ", { run: 'r-1' }],
    ["select 1 /*a='it\\'s'*/", { a: "it's" }],
    ["select 1 /*a='%zz'*/", { a: '%zz' }],
    ["/*run='r-1'*/ select 1", {}],
    ['select 1', {}],
    ['select 1 /* a remark */', {}],
    ['*/', {}],
  ])('%s', (text, claims) => {
    expect(commenterClaims(text)).toEqual(claims);
  });

  test.each([
    [16, 16],
    [17, 16],
  ])('%d claims give %d', (given, kept) => {
    const claims = Array.from({ length: given }, (_, at) => `k${at}='v'`).join(',');
    expect(Object.keys(commenterClaims(`select 1 /*${claims}*/`))).toHaveLength(kept);
  });
});

describe('bind values as text', () => {
  test.each<[string, number, readonly number[], string]>([
    ['bool', 16, [1], 't'],
    ['int2', 21, [0xff, 0xfe], '-2'],
    ['int4', 23, [0, 0, 1, 0], '256'],
    ['int8', 20, [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '9223372036854775807'],
    ['float8', 701, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], '1.5'],
    ['text', 25, [0x68, 0x69], 'hi'],
    ['jsonb', 3802, [1, 0x7b, 0x7d], '{}'],
    ['date', 1082, [0, 0, 0, 1], '2000-01-02'],
    ['a date beyond the calendar', 1082, [0x7f, 0xff, 0xff, 0xff], '2147483647 days from 2000-01-01'],
    ['timestamp', 1114, [0, 0, 0, 0, 0, 0x0f, 0x42, 0x40], '2000-01-01T00:00:01.000Z'],
    ['uuid', 2950, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], '00010203-0405-0607-0809-0a0b0c0d0e0f'],
    ['an int4 of the wrong length', 23, [1], '\\x01'],
    ['a type that is not known', 12_345, [1, 2], '\\x0102'],
  ])('%s', (_, type, bytes, expected) => {
    expect(valueText(Uint8Array.from(bytes), true, type)).toBe(expected);
  });

  test('text format is text whatever the type', () => {
    expect(valueText(Buffer.from('12'), false, 23)).toBe('12');
  });
});
