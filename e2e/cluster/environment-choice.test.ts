import { expect, test } from '@jest/globals';
import { environmentChoices, type Surroundings } from './environment-choice.ts';

const BARE: Surroundings = { kubeconfig: '', processesAreReused: false, hasKind: false, dockerAnswers: false };
const KIND: Partial<Surroundings> = { hasKind: true, dockerAnswers: true };

test.each<[string, Partial<Surroundings>, readonly string[]]>([
  ['nothing is there', {}, ['Processes']],
  ['KUBECONFIG names one', { kubeconfig: '/k' }, ['Given']],
  ['KUBECONFIG names one, and all else is there', { kubeconfig: '/k', processesAreReused: true, ...KIND }, ['Given']],
  ['there is kind, and a Docker daemon', KIND, ['Kind', 'Processes']],
  ['there is kind, and no Docker daemon', { hasKind: true }, ['Processes']],
  ['there is a Docker daemon, and no kind', { dockerAnswers: true }, ['Processes']],
  ['there is kind, and processes are to be taken as they are', { processesAreReused: true, ...KIND }, ['Processes']],
])('when %s', (_what, more, expected) => {
  expect(environmentChoices({ ...BARE, ...more })).toEqual(expected);
});
