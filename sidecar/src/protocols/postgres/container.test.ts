import { describe, expect, test } from '@jest/globals';
import { buildContentMask, buildJsonMask, type Mask, type MaskRules } from '@sidegate/policy';
import { hidesJson, holdsContent, isContentEscaped } from './container.ts';
import { NO_MASKS } from './testing/fake-masks.ts';

const HIDDEN: Mask = { rule: 'test', with: { type: 'Redact' } };
const KEY = Buffer.from('a key for tests');
const maskContent = buildContentMask(
  [
    { detector: 'Email', mask: HIDDEN },
    { detector: 'UsSsn', mask: HIDDEN },
  ],
  KEY,
);
const MASKS: MaskRules = { ...NO_MASKS, empty: false, maskContent, maskJson: buildJsonMask([], maskContent, KEY) };
const TEXT = 25;
const INT4 = 23;
const JSONB = 3802;
const HSTORE = 16_999;

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([int32(bytes.length), bytes]);
const array = (type: number, ...elements: readonly Uint8Array[]): Buffer =>
  Buffer.concat([int32(1), int32(0), int32(type), int32(elements.length), int32(1), ...elements.map(sized)]);
const row = (...columns: readonly (readonly [type: number, bytes: Uint8Array])[]): Buffer =>
  Buffer.concat([int32(columns.length), ...columns.flatMap(([type, bytes]) => [int32(type), sized(bytes)])]);
const hstore = (key: string, value: string): Buffer =>
  Buffer.concat([int32(1), sized(Buffer.from(key)), sized(Buffer.from(value))]);
const read = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A number that joins its neighbours is none: the last byte of a length before it may be a letter or a digit. */
const note = (length: number): Buffer => Buffer.from('219-09-9999 is hers'.padEnd(length, '.'));
const LENGTHS = [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a, 0x2e, 0x100 + 0x41];

describe('content in the binary format of containers', () => {
  test.each(LENGTHS)('is found in a text of %d bytes', (length) => {
    expect(holdsContent(array(TEXT, note(length)), MASKS, read)).toBe(true);
    expect(holdsContent(row([INT4, int32(7)], [TEXT, note(length)]), MASKS, read)).toBe(true);
    expect(holdsContent(array(2249, row([TEXT, note(length)])), MASKS, read)).toBe(true);
    expect(holdsContent(row([HSTORE, hstore('note', read(note(length)))]), MASKS, read)).toBe(true);
  });

  test('is found behind escapes of JSON', () => {
    const json = Buffer.from(`\u0001{"a":"ada\\u0040example.com"}`);
    expect(holdsContent(array(JSONB, json), MASKS, read)).toBe(true);
    expect(holdsContent(array(114, json.subarray(1)), MASKS, read)).toBe(true);
    expect(isContentEscaped('{"{\\"a\\": \\"ada\\\\u0040example.com\\"}"}', MASKS)).toBe(true);
  });

  test.each([
    ['numbers', array(INT4, ...Array.from({ length: 2_000 }, (_, at) => int32(at * 3)))],
    ['texts without any', array(TEXT, Buffer.from('Ada'), Buffer.from('London '.repeat(20)))],
    ['rows without any', row([TEXT, Buffer.from('Ada')], [INT4, int32(7)])],
    ['pairs without any', hstore('city', 'London')],
    ['an empty array', Buffer.concat([int32(0), int32(0), int32(TEXT)])],
    ['nothing', Buffer.alloc(0)],
  ])('is not found in %s', (_what, value) => {
    expect(holdsContent(value, MASKS, read)).toBe(false);
  });

  test('counts as found where looking would cost too much', () => {
    const costly = Buffer.alloc(64 * 1024);
    for (let at = 0; at + 4 <= costly.length; at += 4) costly.writeInt32BE(30_000, at);
    expect(holdsContent(costly, MASKS, read)).toBe(true);
  });
});

test.each([
  ['{"{\\"ssn\\": \\"1\\"}"}', true],
  ['(1,"{""ssn"": ""1""}")', true],
  ['{"a: b",c}', false],
  ['"ssn"=>"1"', false],
])('JSON is seen in %s: %s', (text, isSeen) => {
  expect(hidesJson(text)).toBe(isSeen);
});
