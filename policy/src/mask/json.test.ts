import { describe, expect, test } from '@jest/globals';
import type { MaskWith } from '@sidegate/crds';
import * as fc from 'fast-check';
import { buildContentMask } from '../detect/index.ts';
import { buildJsonMask, JSON_DEPTH_MAX, parseJsonPath } from './json.ts';
import { JsonReader } from './json-reader.ts';

const KEY = Buffer.from('a key for tests');
const nothing = (text: string): string => text;
const content = buildContentMask(
  [
    { detector: 'Email', mask: { rule: 'e', with: { type: 'Redact' } } },
    { detector: 'CreditCard', mask: { rule: 'c', with: { type: 'Partial' } } },
    { detector: 'UsSsn', mask: { rule: 's', with: { type: 'Redact' } } },
  ],
  KEY,
);

function maskAt(paths: readonly string[], mask: MaskWith = { type: 'Redact' }): (text: string) => string {
  return buildJsonMask(
    paths.map((path) => ({ path, mask: { rule: path, with: mask } })),
    nothing,
    KEY,
  );
}

describe('paths', () => {
  test.each<[path: string, text: string, masked: string]>([
    ['$.email', '{"id": 1, "email": "x"}', '{"id": 1, "email": "[masked]"}'],
    ['$.email', '{"a": {"email": "x"}}', '{"a": {"email": "x"}}'],
    ['$.email', '[{"email": "x"}]', '[{"email": "x"}]'],
    ['$[*].email', '[{"email": "x"}, 1]', '[{"email": "[masked]"}, 1]'],
    ['$.a.b', '{"a":{"b":1,"c":2},"b":3}', '{"a":{"b":"[masked]","c":2},"b":3}'],
    [
      '$.items[*].ssn',
      '{"items":[{"ssn":1},{"ssn":2,"x":3}]}',
      '{"items":[{"ssn":"[masked]"},{"ssn":"[masked]","x":3}]}',
    ],
    ['$.items[1]', '{"items":[1,2,3]}', '{"items":[1,"[masked]",3]}'],
    ['$..ssn', '{"ssn":1,"a":[{"b":{"ssn":[2]}}]}', '{"ssn":"[masked]","a":[{"b":{"ssn":"[masked]"}}]}'],
    ['$..a.b', '{"a":{"b":1,"a":{"b":2}},"b":3}', '{"a":{"b":"[masked]","a":{"b":"[masked]"}},"b":3}'],
    ['$..a..b', '{"b":0,"a":{"c":{"b":1},"b":2}}', '{"b":0,"a":{"c":{"b":"[masked]"},"b":"[masked]"}}'],
    ["$['x y']", '{"x y": 1, "x": 2}', '{"x y": "[masked]", "x": 2}'],
    ['$["x\\"y"]', '{"x\\"y": 1}', '{"x\\"y": "[masked]"}'],
    ['$.*', '{"a":1,"b":[2]}', '{"a":"[masked]","b":"[masked]"}'],
    ['$..*', '[1,{"a":2}]', '["[masked]","[masked]"]'],
    ['$', '{"a":1}', '"[masked]"'],
    ['$', '[]\n', '"[masked]"\n'],
    ['$.a', '{"a":1,"a":2}', '{"a":"[masked]","a":"[masked]"}'],
    ['$.ssn', '{"\\u0073sn":1}', '{"\\u0073sn":"[masked]"}'],
    [
      '$.ssn',
      '{"ssn" :\n 1 , "big":12345678901234567890.10}',
      '{"ssn" :\n "[masked]" , "big":12345678901234567890.10}',
    ],
    ['$.ssn', '{"ssn":null}', '{"ssn":null}'],
    ['$.ssn', '{"SSN":1}', '{"SSN":1}'],
    ['$.__proto__', '{"__proto__":1}', '{"__proto__":"[masked]"}'],
  ])('%s in %s', (path, text, masked) => {
    expect(maskAt([path])(text)).toBe(masked);
  });

  test.each<[mask: MaskWith, text: string, masked: string]>([
    [{ type: 'Null' }, '{"a":"x"}', '{"a":null}'],
    [{ type: 'Partial' }, '{"a":"12345678"}', '{"a":"****5678"}'],
    [{ type: 'Partial' }, '{"a":12345678}', '{"a":"****5678"}'],
    [{ type: 'Partial' }, '{"a":true}', '{"a":"[masked]"}'],
    [{ type: 'Partial' }, '{"a":{"b":"12345678"}}', '{"a":"[masked]"}'],
    [{ type: 'Partial' }, '{"a":"\\n\\"\\"\\"\\"\\n\\"\\n"}', '{"a":"****\\"\\n\\"\\n"}'],
    [{ type: 'Hash' }, '{"a":"bob"}', '{"a":"hash:e3eaf60c883213de"}'],
  ])('%j of %s', (mask, text, masked) => {
    expect(maskAt(['$.a'], mask)(text)).toBe(masked);
  });

  test('of two paths that meet the stronger mask holds', () => {
    const weak = { path: '$.a', mask: { rule: 'w', with: { type: 'Partial' } } } as const;
    const strong = { path: '$..a', mask: { rule: 's', with: { type: 'Null' } } } as const;
    expect(buildJsonMask([weak, strong], nothing, KEY)('{"a":"12345678"}')).toBe('{"a":null}');
    expect(buildJsonMask([strong, weak], nothing, KEY)('{"a":"12345678"}')).toBe('{"a":null}');
  });

  test.each([
    '',
    'a',
    '$.',
    '$a',
    '$.1',
    '$.a[',
    '$.a[-1]',
    '$[01]',
    "$['a",
    "$['a'",
    '$[a]',
    '$[?(@.a)]',
    '$[0:2]',
    '$[0,1]',
    '$...a',
    '$.[0]',
    '$.a ',
    "$['\\x']",
    '$'.padEnd(200, '.a'),
  ])('refuses %s', (path) => {
    const read = parseJsonPath(path);
    expect(read.ok ? undefined : read.fault.code).toBe('JsonPathInvalid');
    expect(() => maskAt([path])).toThrow();
  });
});

describe('content', () => {
  const mask = buildJsonMask([{ path: '$.a', mask: { rule: 'a', with: { type: 'Null' } } }], content, KEY);
  test.each<[story: string, text: string, masked: string]>([
    ['in strings', '{"b":"to bob@example.com"}', '{"b":"to [masked]"}'],
    ['behind escapes', '{"b":"bob\\u0040example.com"}', '{"b":"[masked]"}'],
    ['in numbers', '{"b":4111111111111111}', '{"b":"************1111"}'],
    ['in names', '{"bob@example.com":1}', '{"[masked]":1}'],
    ['told by the name', '{"ssn":"219099998","id":"219099998"}', '{"ssn":"[masked]","id":"219099998"}'],
    ['told by the name of the list', '{"ssn":[219099998]}', '{"ssn":["[masked]"]}'],
    ['not where a path masks already', '{"a":"bob@example.com"}', '{"a":null}'],
    ['in a text that is not JSON', 'to bob@example.com: {"a":1}', 'to [masked]: {"a":1}'],
    ['in JSON cut short', '{"a":1,"b":"bob@example.com"', '{"a":1,"b":"[masked]"'],
  ])('%s', (_story, text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  test('the same text comes back when there is nothing to mask', () => {
    for (const text of ['', ' ', '{"b":[1,2,{"c":"d"}]}', 'no JSON']) expect(mask(text)).toBe(text);
  });
});

test.each([
  [JSON_DEPTH_MAX - 1, false],
  [JSON_DEPTH_MAX, false],
  [JSON_DEPTH_MAX + 1, true],
  [100_000, true],
])('%d levels', (depth, isMasked) => {
  const text = '['.repeat(depth) + ']'.repeat(depth);
  expect(maskAt(['$.a'])(text)).toBe(isMasked ? '"[masked]"' : text);
});

describe('against JSON.parse', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const reads = (text: string): boolean => maskAt(['$'])(text) !== text || text.trim() === 'null';

  test('accepts what it accepts, also after a change of one character', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '\\', '0', '.', 'e', '-', ',', '{', ']', '\n', 'u'),
        (json, at, put) => {
          const place = at % (json.length + 1);
          for (const text of [
            json,
            json.slice(0, place) + put + json.slice(place + 1),
            json.slice(0, place) + put + json.slice(place),
          ]) {
            expect([text, reads(text)]).toEqual([text, isJson(text)]);
          }
        },
      ),
      { seed: 20_263, numRuns: 2000 },
    );
  });

  test('the masked paths are gone and the rest is as it was', () => {
    const strip = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(strip);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([name, member]) => [
          name,
          name === 'a' && member !== null ? '[masked]' : strip(member),
        ]),
      );
    };
    const value = fc.jsonValue({ stringUnit: fc.constantFrom('a', 'b', '"', '\\', 'é') });
    fc.assert(
      fc.property(value, (json) => {
        expect(JSON.parse(maskAt(['$..a'])(JSON.stringify(json)))).toEqual(strip(JSON.parse(JSON.stringify(json))));
      }),
      { seed: 20_264, numRuns: 1000 },
    );
  });
});

test('a reader takes back no more than it read', () => {
  const reader = new JsonReader('"a" ');
  expect(reader.readScalar(reader.kind())).toBe(true);
  expect(reader.isAtEnd()).toBe(false);
  reader.skipSpace();
  expect(reader.isAtEnd()).toBe(true);
  expect(reader.kind()).toBe('None');
});
