import { describe, expect, test } from '@jest/globals';
import { findProgram, findPython } from './programs.ts';
import { testGiven } from './test-given.ts';

describe('finding programs', () => {
  test('one that is everywhere is found by its whole path', () => {
    expect(findProgram('sh')).toMatch(/^\/.*\/sh$/);
  });

  test('one that is nowhere is not', () => {
    expect(findProgram('no-such-program')).toBeUndefined();
    expect(findPython('no_such_module')).toBeUndefined();
  });
});

test('a test is skipped only when what it needs is absent', () => {
  expect(testGiven('/bin/sh', 'never said')).toBe(test);
  expect(testGiven(undefined, 'this line is part of a test')).toBe(test.skip);
});
