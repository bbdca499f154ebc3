import { describe, expect, test } from '@jest/globals';
import type { LabelSelector } from './resources.ts';
import { selectorMatches } from './selector.ts';

const LABELS = { app: 'bot', tier: 'blue' };

describe('a selector', () => {
  test.each<[string, LabelSelector, boolean]>([
    ['empty chooses everything', {}, true],
    ['an equal label', { matchLabels: { app: 'bot' } }, true],
    ['another value', { matchLabels: { app: 'robot' } }, false],
    ['one label of two', { matchLabels: { app: 'bot', tier: 'red' } }, false],
    ['a label that is not there', { matchLabels: { zone: '' } }, false],
    ['a name that every object has', { matchLabels: { constructor: 'x' } }, false],
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'bot'] }] }, true],
    ['In without the value', { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] }, false],
    ['In without the label', { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }, false],
    ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a'] }] }, true],
    ['NotIn with the value', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['bot'] }] }, false],
    ['NotIn without the label', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, true],
    ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    ['Exists without the label', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
    ['DoesNotExist with the label', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
    [
      'labels and expressions together',
      { matchLabels: { app: 'bot' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['red'] }] },
      false,
    ],
  ])('%s', (_, selector, matches) => {
    expect(selectorMatches(selector, LABELS)).toBe(matches);
  });
});
