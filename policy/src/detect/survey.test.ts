import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DETECTOR_NAMES, findContent, findsNothing } from './content-mask.ts';
import { surveyBytes, surveyFewBytes, surveyText } from './survey.ts';

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

  it('tells 16 bytes at a time what it tells byte by byte', () => {
    const codes = [...Buffer.from('@-ywA_xKcCeIzhavoarR0123456789 the\0\x7f'), 0x80, 0xff];
    const many = fc.array(
      fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...codes.slice(0, -2)) }, fc.constantFrom(...codes)),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(many, fc.nat(20), (numbers, drawn) => {
        const from = Math.min(drawn, numbers.length);
        const bytes = Buffer.from(numbers);
        const part = numbers.slice(from);
        expect(surveyBytes(bytes, from)).toBe(surveyFewBytes(Uint8Array.from(part)));
        expect(surveyBytes(Uint8Array.from(part))).toBe(surveyFewBytes(bytes, from, numbers.length));
        const to = numbers.length - from;
        if (to >= from) expect(surveyBytes(bytes, from, to)).toBe(surveyFewBytes(Buffer.from(numbers.slice(from, to))));
      }),
      { numRuns: 500 },
    );
  });

  it.each([-2, -1, 0, 1, 2])('sees what lies across two pieces, begun at %i', (shift) => {
    const bytes = Buffer.alloc(3 * 98_304 + 5, 'a1');
    for (const piece of [98_304, 2 * 98_304]) bytes.write('---', piece + shift);
    expect(surveyBytes(bytes)).toBe(surveyFewBytes(bytes));
    bytes[2 * 98_304 + shift] = 0xc3;
    expect(surveyBytes(bytes)).toBeUndefined();
  });

  it('sees nothing of what was looked at before', () => {
    expect(surveyBytes(Buffer.from('x'.repeat(60).concat('@----')))).toBe(surveyText('@---'));
    expect(surveyBytes(Buffer.from('e'.repeat(48)))).toBe(0);
    expect(surveyBytes(Buffer.from('y'.repeat(48)))).toBe(0);
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
