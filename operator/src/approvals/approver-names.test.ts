import { expect, test } from '@jest/globals';
import { ApproverNames } from './approver-names.ts';

const LISTED = { users: [{ user: 'dana', subject: 'd@corp' }] };
const BOTH = { userPrefix: 'corp:', users: [{ user: 'corp:d@corp', subject: 'other@corp' }, ...LISTED.users] };

test.each([
  ['nothing is configured', {}, 'dana', 'Token', undefined],
  ['the user is listed', LISTED, 'dana', 'Token', 'd@corp'],
  ['another user is listed', LISTED, 'eve', 'Token', undefined],
  ['the user has the prefix', BOTH, 'corp:eve', 'Token', 'eve'],
  ['the user has another prefix', BOTH, 'other:eve', 'Token', undefined],
  ['the list says otherwise than the prefix', BOTH, 'corp:d@corp', 'Token', 'other@corp'],
  ['a pod asks', {}, 'dana', 'Workload', 'dana'],
] as const)('whose identity a user is: %s', (_, configuration, user, source, expected) => {
  expect(new ApproverNames(configuration).subjectOf(user, source)).toBe(expected);
});

test.each([
  ['nothing is configured', {}, 'd@corp', 'Token', ['d@corp']],
  ['a user is listed', LISTED, 'd@corp', 'Token', ['d@corp', 'dana']],
  ['the prefixed user is somebody else', BOTH, 'd@corp', 'Token', ['d@corp', 'dana']],
  ['the prefix', BOTH, 'eve', 'Token', ['eve', 'corp:eve']],
  ['a pod asks', BOTH, 'd@corp', 'Workload', ['d@corp']],
] as const)('which users a subject is: %s', (_, configuration, subject, source, expected) => {
  expect(new ApproverNames(configuration).usersOf(subject, source)).toEqual(expected);
});
