import { expect, test } from '@jest/globals';
import { bearsToken, tokenDigest } from './bearer.ts';

const digest = tokenDigest('secret-token-of-the-gate');

test.each<[string | null, boolean]>([
  ['Bearer secret-token-of-the-gate', true],
  ['bearer secret-token-of-the-gate', true],
  ['Bearer secret-token-of-the-gatE', false],
  ['Bearer secret-token-of-the-gate2', false],
  ['Bearer secret-token-of-the-gat', false],
  ['Bearer  secret-token-of-the-gate', false],
  ['Basic secret-token-of-the-gate', false],
  ['secret-token-of-the-gate', false],
  ['Bearer ', false],
  ['', false],
  [null, false],
])('%j bears the token: %p', (authorization, expected) => {
  expect(bearsToken(authorization, digest)).toBe(expected);
});

test('an empty token is borne by nobody', () => {
  expect(bearsToken(null, tokenDigest(''))).toBe(false);
});
