import { expect, test } from '@jest/globals';
import type { ApprovalStanding } from '../judging/approval-request.ts';
import { keptSeconds } from './approval-controller.ts';

const by = { user: 'dana', subject: undefined, groups: [] };
const VOTES: ApprovalStanding['votes'] = [{ by, verdict: 'Approve', reason: '', atMs: 0 }];

test.each<[ApprovalStanding['decided'], ApprovalStanding['votes'], number | undefined, number]>([
  ['Approved', VOTES, undefined, 86_400],
  ['Approved', VOTES, 10, 10],
  ['Expired', VOTES, undefined, 86_400],
  ['Expired', [], undefined, 3_600],
  ['Expired', [], 10, 10],
  ['Withdrawn', VOTES, undefined, 86_400],
  ['Withdrawn', [], undefined, 60],
  ['Withdrawn', [], 10, 10],
])('a request that is %s is kept by its votes', (decided, votes, ttl, expected) => {
  expect(keptSeconds({ decided, votes }, ttl)).toBe(expected);
});
