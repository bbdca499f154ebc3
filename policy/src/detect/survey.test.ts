import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DETECTOR_NAMES, findContent, findsNothing } from './content-mask.ts';
import { surveyBytes, surveyText } from './survey.ts';

const PARTS = [
  'a',
  'e',
  'y',
  'J',
  'ew',
  'o',
  '0',
  '4111',
  '-',
  '---',
  '@',
  'AKIA',
  'AI',
  'z',
  'ghp_',
  'xo',
  'x',
  'Key',
  'secr',
  'et',
  ' ',
];
const texts = fc.array(fc.constantFrom(...PARTS), { maxLength: 40 }).map((parts) => parts.join(''));

describe('a survey of bytes', () => {
  it('tells of ASCII what a survey of the text tells', () => {
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'binary-ascii', maxLength: 60 })), (text) => {
        expect(surveyBytes(Buffer.from(text))).toBe(surveyText(text));
      }),
    );
  });

  it.each([0, 3, 7, 8, 12])('does not tell of a byte at %i that is no ASCII', (at) => {
    const bytes = Buffer.from('the quick bro');
    expect(surveyBytes(bytes)).toBe(surveyText('the quick bro'));
    bytes[at] = 0xc3;
    expect(surveyBytes(bytes)).toBeUndefined();
  });
});

describe('bytes in which nothing is found', () => {
  it.each([
    ['the quick brown fox jumps over the lazy dog', true],
    ['write to ann@example.com', false],
    ['4111 1111 1111 1111', false],
    ['the quick brown f\u00f6x', false],
    ['short', true],
  ])('%s: %p', (text, nothing) => {
    expect(findsNothing(Buffer.from(text), DETECTOR_NAMES)).toBe(nothing);
  });

  it('hold no find', () => {
    fc.assert(
      fc.property(texts, (text) => {
        if (findsNothing(Buffer.from(text), DETECTOR_NAMES)) expect(findContent(text)).toEqual([]);
      }),
    );
  });
});
