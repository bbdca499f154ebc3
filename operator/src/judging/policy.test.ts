import { expect, test } from '@jest/globals';
import { stored } from '../fixture/resources.ts';
import { judgePolicy, type PolicyFacts } from './policy.ts';

const FINE: PolicyFacts = { faults: [], missingTargets: [], gates: 3, programmed: 3 };
const FAULT = { code: 'InvalidCondition', message: 'The condition is malformed.', where: 'spec.rules[0].when' };

test.each([
  ['all gates hold it', {}, 'Enforce', ['True Ready', 'True Accepted', 'True Enforced']],
  ['it observes', {}, 'Observe', ['True Ready', 'True Accepted', 'True Observing']],
  ['no gate is concerned', { gates: 0, programmed: 0 }, 'Enforce', ['True Ready', 'True Accepted', 'True NoGates']],
  ['one gate lags', { programmed: 2 }, 'Enforce', ['False Pending', 'True Accepted', 'False Pending']],
  [
    'it does not compile',
    { faults: [FAULT] },
    'Enforce',
    ['False InvalidCondition', 'False InvalidCondition', 'False NotAccepted'],
  ],
  [
    'its Target is not there',
    { missingTargets: ['data/x'], gates: 0, programmed: 0 },
    'Enforce',
    ['False TargetNotFound', 'False TargetNotFound', 'True NoGates'],
  ],
] as const)('%s', (_, facts, mode, expected) => {
  const verdicts = judgePolicy(stored.policy({ mode }), { ...FINE, ...facts });
  expect(verdicts.map(({ type }) => type)).toEqual(['Ready', 'Accepted', 'Enforced']);
  expect(verdicts.map(({ status, reason }) => `${status} ${reason}`)).toEqual(expected);
});

test('says where a fault stands', () => {
  expect(judgePolicy(stored.policy(), { ...FINE, faults: [FAULT] })[1]?.message).toBe(
    'spec.rules[0].when: The condition is malformed.',
  );
});
