import { describe, expect, test } from '@jest/globals';
import { editDistance, suggest } from './suggestion.ts';

describe('the distance of words', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['action', 'action', 0],
    ['actoin', 'action', 1],
    ['aktion', 'action', 1],
    ['acton', 'action', 1],
    ['kitten', 'sitting', 3],
  ])('%s to %s is %d', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
    expect(editDistance(to, from)).toBe(distance);
  });
});

describe('a suggestion', () => {
  test.each([
    ['actoin', 'action'],
    ['ACTION', 'action'],
    ['nmae', 'name'],
    ['nam', 'name'],
    ['colour', undefined],
    ['', undefined],
    ['x', undefined],
  ])('for %s is %s', (word, expected) => {
    expect(suggest(word, ['name', 'action', 'approval'])).toBe(expected);
  });
});
