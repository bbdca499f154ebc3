import { describe, expect, test } from '@jest/globals';
import { DETECTOR_NAMES, findContent } from './content-mask.ts';
import { CountedText } from './counted-text.ts';

const LENGTH = 1_000_000;
/** Operations a character that a detector may take on the worst text. */
const PER_CHARACTER_MAX = 120;
const header = Buffer.from('{"alg":"none"}').toString('base64url');

/** What is repeated to fill the text, and what it tries to make a scanner do twice. */
const UNITS: readonly (readonly [story: string, unit: string])[] = [
  ['one digit after the other', '4'],
  ['digits one by one', '4 '],
  ['groups of three', '411 '],
  ['groups of four that are no card', '4111 '],
  ['cards', '4111111111111111 '],
  ['at signs', '@'],
  ['local parts without an end', 'a'],
  ['addresses in each other', 'a@a.'],
  ['addresses without a domain', 'a@'],
  ['labels without an end', 'a@aa.aa.aa'],
  ['quotes before an at sign', '"@'],
  ['check digits', 'DE12'],
  ['account numbers cut short', 'DE89 3704 '],
  ['plus signs', '+'],
  ['numbers without an end', '+1'],
  ['numbers in brackets', '(202) '],
  ['national numbers', '020 '],
  ['token beginnings', 'eyJ'],
  ['tokens joined by dots', `${header}.`],
  ['token beginnings apart', 'eyJ.'],
  ['key ids', 'AKIAIOSFODNN7EXAMPLE '],
  ['key beginnings', 'ghp_'],
  ['keys that run into each other', 'xoxb-'],
  ['account keys without a value', 'AccountKey='],
  ['account keys with spaces', 'AccountKey      '],
  ['blocks that begin only', '-----BEGIN '],
  ['blocks that are not closed', '-----BEGIN PRIVATE KEY-----'],
  ['hyphens', '-'],
  ['spaces', ' '],
];

describe('a scanner reads each character a bounded number of times', () => {
  test.each(UNITS)('%s', (_story, unit) => {
    const length = 50_000;
    const text = unit.repeat(Math.ceil(length / unit.length));
    for (const detector of DETECTOR_NAMES) {
      const counted = new CountedText(text);
      findContent(counted.asText(), [detector]);
      expect({ detector, each: Math.ceil(counted.operations / text.length) <= PER_CHARACTER_MAX }).toEqual({
        detector,
        each: true,
      });
    }
  });

  test.each([...DETECTOR_NAMES])('%s: the work grows as the text does, up to a megabyte', (detector) => {
    const unit = '@a.4111 1111 DE89 +1202 eyJ.AKIA -----BEGIN ';
    const work = [LENGTH / 10, LENGTH].map((length) => {
      const counted = new CountedText(unit.repeat(Math.ceil(length / unit.length)));
      findContent(counted.asText(), [detector]);
      return counted.operations;
    });
    expect((work[1] ?? 0) / (work[0] ?? 1)).toBeLessThan(10.5);
  });
});
