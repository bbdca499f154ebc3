import { expect, test } from '@jest/globals';
import { isPodUid, isSessionId, isSessionOfPod, podSessionId } from './pod-session.ts';

const POD = '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b11';
const OTHER = '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b12';

test.each([
  [podSessionId(POD, 'a1'), POD, true],
  [podSessionId(POD, 'a1'), OTHER, false],
  [podSessionId(OTHER, podSessionId(POD, 'a1')), POD, false],
  [POD, POD, false],
  [`${POD}-`, POD, false],
  [`${POD}x-a1`, POD, false],
  ['-a1', '', false],
  ['local-a1', 'local', false],
])('session %s of pod %s: %p', (sessionId, pod, expected) => {
  expect(isSessionOfPod(sessionId, pod)).toBe(expected);
});

test.each([
  [POD, true],
  [POD.toUpperCase(), false],
  [POD.slice(1), false],
  [`${POD}0`, false],
  ['local', false],
  ['', false],
])('%s is a UID: %p', (text, expected) => {
  expect(isPodUid(text)).toBe(expected);
});

test.each([
  [POD, true],
  [podSessionId(POD, '0123456789abcdef01234567'), true],
  ['s.1_x', true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  ['', false],
  ['.', false],
  ['../x', false],
  ['a/b', false],
  ['a\n', false],
  ['a b', false],
  ['\u001b[2J', false],
])('%j can be the id of a session: %p', (text, expected) => {
  expect(isSessionId(text)).toBe(expected);
});
