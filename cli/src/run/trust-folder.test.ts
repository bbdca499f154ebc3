import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openTrust } from './trust-folder.ts';

let base = '';
let mask: number;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sg-trust-'));
  mask = process.umask();
});

afterEach(() => {
  process.umask(mask);
  rmSync(base, { recursive: true, force: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('agents of another user may read in a folder that is made, whatever the mask of the process is', () => {
  process.umask(0o077);
  const path = join(base, 'deep', 'trust');
  expect(openTrust(path, 'my-gate')).toMatchObject({
    ok: true,
    value: {
      path,
      files: {
        authority: join(path, 'ca.pem'),
        bundle: join(path, 'bundle.pem'),
        knownHosts: join(path, 'ssh_known_hosts'),
      },
    },
  });
  expect(modeOf(path)).toBe(0o755);
});

test('who may read in a folder that was there stays as it was said', () => {
  const path = join(base, 'trust');
  mkdirSync(path);
  chmodSync(path, 0o750);
  expect(openTrust(path, 'my-gate').ok).toBe(true);
  expect(modeOf(path)).toBe(0o750);
});

test.each([0o775, 0o757, 0o1777])('a folder in which others may write is refused (%o)', (mode) => {
  const path = join(base, 'trust');
  mkdirSync(path);
  chmodSync(path, mode);
  expect(openTrust(path, 'my-gate')).toMatchObject({
    ok: false,
    fault: { code: 'BadTrust', where: path, mend: expect.stringContaining('chmod go-w') },
  });
});

test('a file in its place is said, with the mend', () => {
  const path = join(base, 'trust');
  writeFileSync(path, '');
  expect(openTrust(path, 'my-gate')).toMatchObject({
    ok: false,
    fault: { code: 'BadTrust', where: path, mend: expect.stringContaining('--trust') },
  });
});

test('two gates do not share one, for each would write its own authority', () => {
  const first = openTrust(base, 'first');
  expect(openTrust(base, 'second')).toMatchObject({
    ok: false,
    fault: {
      code: 'AlreadyRunning',
      message: expect.stringContaining('sidegate run -f first'),
      mend: expect.stringContaining('--trust'),
    },
  });
  if (first.ok) first.value.release();
  expect(openTrust(base, 'second').ok).toBe(true);
});
