import { describe, expect, test } from '@jest/globals';
import { buildContentMask, buildJsonMask, type MaskRules } from '@sidegate/policy';
import * as fc from 'fast-check';
import { maskDocuments, OpenDocument } from './documents.ts';
import { StreamMask } from './stream-mask.ts';
import { MASKS } from './testing/exhibit.ts';

const KEY = Buffer.from('a key for tests');
const HIDDEN = { rule: 'hidden', with: { type: 'Redact' } } as const;
const FIELDS = [
  { path: '$..word', mask: HIDDEN },
  { path: '$..inner', mask: HIDDEN },
] as const;
const maskContent = buildContentMask([{ detector: 'Email', mask: HIDDEN }], KEY);
const masks: MaskRules = { ...MASKS, fields: FIELDS, maskContent, maskJson: buildJsonMask(FIELDS, maskContent, KEY) };

const DOCUMENT = {
  id: 1,
  word: 'sesame',
  list: [{ word: ['sesame', 'open "sesame"\n{'] }],
  inner: { deep: 'sesame' },
  end: [],
};
const pretty = JSON.stringify(DOCUMENT, undefined, 2);

/** What the agent gets of a text that comes in pieces of this size. */
function shown(text: string, size: number, rules = masks): string {
  const mask = new StreamMask(rules);
  let out = '';
  for (let at = 0; at < text.length; at += size)
    out += Buffer.from(mask.push(Buffer.from(text.slice(at, at + size)))).toString();
  return out + Buffer.from(mask.end()).toString();
}

describe.each([1, 7, 10_000])('fields of documents in pieces of %d', (size) => {
  test('are masked over lines though keys stand in them', () => {
    const key = '-----BEGIN PRIVATE KEY-----x-----END PRIVATE KEY-----';
    const text = JSON.stringify({ one: key, other: key, ...DOCUMENT }, undefined, 2);
    const detect = [{ detector: 'PrivateKey', mask: HIDDEN }] as const;
    const out = shown(`${text}\nafter\n`, size, { ...masks, detect });
    expect(out).not.toContain('sesame');
    expect(out).toMatch(/"end": \[\]\n\}\nafter\n$/);
  });

  test('are masked over lines, and the rest stays', () => {
    const text = shown(`before\n${pretty}\nafter\n`, size);
    expect(text).not.toContain('sesame');
    expect(text).toMatch(/^before\n\{\n {2}"id": 1,\n {2}"word": "\[masked\]",/);
    expect(text).toMatch(/"end": \[\]\n\}\nafter\n$/);
  });

  test.each([
    ['a document that is cut', pretty.slice(0, -4)],
    ['a document that is cut at its start', pretty.split('\n').slice(2).join('\n')],
    ['a document in quotes of a shell', `'${pretty}'`],
    ['two behind one another', `${pretty}${pretty}`],
    ['one behind words', `INFO ${JSON.stringify(DOCUMENT)} done`],
    ['one with a comma behind it', `${JSON.stringify(DOCUMENT)},`],
    ['one behind brackets that are none', `[info] {x} ${JSON.stringify(DOCUMENT)}`],
    ['a list of them', JSON.stringify([DOCUMENT, DOCUMENT], undefined, '\t')],
    ['a broken one', pretty.replace('"id": 1,', '"id" = 1,')],
  ])('are hidden in %s', (_what, text) => {
    expect(shown(`${text}\n`, size)).not.toContain('sesame');
  });

  test.each([
    'a line\nand [another] {x}\n',
    '[2026-11-29 12:00:00] started\n{\n  int x = 1;\n}\n',
    '{"a": 1}\n[1, 2]\n{}\n[]\n',
    'time: "now" {\n',
  ])('leave %j', (text) => {
    expect(shown(text, size)).toBe(text);
  });
});

test('what would be read over and over is hidden', () => {
  expect(maskDocuments(`${'[1,'.repeat(20_000)}x`, masks)).toBe('[masked]');
});

const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"word"',
  '"a"',
  '1',
  'true',
  'x',
  '"',
  ' ',
  '\n',
  '\r\n',
  '\n[',
  '\n{',
  'ada@example.com',
];

test('a document is read on from where it was left as if it were read anew', () => {
  const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(''));
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          text,
          fc.jsonValue().map((value) => `${JSON.stringify(value, undefined, 1)}\n`),
        ),
        { maxLength: 6 },
      ),
      (texts) => {
        const [readOn, readAnew] = [new StreamMask(masks), new StreamMask(masks)];
        for (const piece of texts.flatMap((one) => one.split(/(?<=\n)/))) {
          // Masks that are added may change what was read.
          readAnew.addMasks(masks);
          expect(readOn.push(Buffer.from(piece))).toEqual(readAnew.push(Buffer.from(piece)));
        }
        expect(readOn.end()).toEqual(readAnew.end());
      },
    ),
    { seed: 1, numRuns: 1_000 },
  );
});

test('a document of many lines is not read from its start with each of them', () => {
  const document = new OpenDocument();
  expect(document.goesOn('[\n')).toBe(true);
  const lines = Array.from({ length: 100_000 }, () => '{"a": [1, 2]},\n');
  expect(lines.every((line) => document.goesOn(line))).toBe(true);
  expect(document.goesOn('1]\n')).toBe(false);
});
