import { existsSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from './temporary-folder.ts';

test('a temporary folder is private, its own, and gone with its files afterwards', () => {
  const one = temporaryFolder();
  const two = temporaryFolder();
  expect(one.path).not.toBe(two.path);
  expect(statSync(one.path).mode & 0o777).toBe(0o700);
  writeFileSync(one.file('a.txt'), 'a');
  one.remove();
  expect(existsSync(one.path)).toBe(false);
  expect(existsSync(two.path)).toBe(true);
  two.remove();
});
