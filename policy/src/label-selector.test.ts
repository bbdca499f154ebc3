import { describe, expect, it } from '@jest/globals';
import type { LabelSelector } from '@sidegate/crds';
import { matchesLabels } from './label-selector.ts';

describe('a label selector', () => {
  const labels = { team: 'support', tier: 'gold' };
  const expression = (
    key: string,
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
    values?: string[],
  ): LabelSelector => ({
    matchExpressions: [{ key, operator, ...(values && { values }) }],
  });
  it.each<readonly [string, LabelSelector, boolean]>([
    ['that is empty matches all', {}, true],
    ['with every label', { matchLabels: { team: 'support', tier: 'gold' } }, true],
    ['with one label wrong', { matchLabels: { team: 'support', tier: 'silver' } }, false],
    ['In', expression('team', 'In', ['sales', 'support']), true],
    ['In others', expression('team', 'In', ['sales']), false],
    ['In, of a label that is not there', expression('zone', 'In', ['a']), false],
    ['NotIn', expression('team', 'NotIn', ['sales']), true],
    ['NotIn, but it is', expression('team', 'NotIn', ['support']), false],
    ['NotIn, of a label that is not there', expression('zone', 'NotIn', ['a']), true],
    ['Exists', expression('team', 'Exists'), true],
    ['Exists, but does not', expression('zone', 'Exists'), false],
    ['DoesNotExist', expression('zone', 'DoesNotExist'), true],
    ['DoesNotExist, but does', expression('team', 'DoesNotExist'), false],
    ['of a name that every object has', expression('toString', 'Exists'), false],
  ])('%s', (_, selector, expected) => {
    expect(matchesLabels(selector, labels)).toBe(expected);
  });
});
