import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');

/** The flags of Node in a text, in order. */
function flagsOf(path: string, list: RegExp): readonly string[] {
  const [, inner = ''] = list.exec(readFileSync(join(ROOT, path), 'utf8')) ?? [];
  return [...inner.matchAll(/["'](--[^"']+)["']/g)].map(([, flag = '']) => flag);
}

test('a gate in a container runs with the flags of one that `sidegate run` starts', () => {
  const own = flagsOf('cli/src/run/gate-process.ts', /RUNTIME_FLAGS = \[([^\]]*)\]/);
  expect(own).toContain('--liftoff-only');
  expect(flagsOf('images/gate/Dockerfile', /^ENTRYPOINT \[(.*)\]$/m)).toEqual(own);
});
