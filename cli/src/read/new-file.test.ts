import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import { writeNewFile } from './new-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-file-'));
  path = join(folder, 'new');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a new file is there whole, for its owner alone', async () => {
  const written = await writeNewFile(path, async (file) => {
    await file.writeFile('one ');
    await file.writeFile('two');
    return ok(2);
  });
  expect(written).toEqual(ok(2));
  expect(readFileSync(path, 'utf8')).toBe('one two');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('what is there already stays as it is', async () => {
  writeFileSync(path, 'kept');
  const written = await writeNewFile(path, () => Promise.resolve(ok(1)));
  expect(written).toMatchObject({ ok: false, fault: { code: 'BadFile', where: path } });
  expect(readFileSync(path, 'utf8')).toBe('kept');
});

test('a fault of what is written leaves no file', async () => {
  const fault = { code: 'Unreadable', message: 'It cannot be read.' };
  const written = await writeNewFile(path, async (file) => {
    await file.writeFile('half');
    return fail(fault);
  });
  expect(written).toEqual(fail(fault));
  expect(existsSync(path)).toBe(false);
});

test('an error of where it comes from is passed on, and leaves no file', async () => {
  const work = writeNewFile(path, async (file) => {
    await file.writeFile('half');
    throw new Error('The store went away.');
  });
  await expect(work).rejects.toThrow('The store went away.');
  expect(existsSync(path)).toBe(false);
});

test('an error of the file system is a fault, and leaves no file', async () => {
  const written = await writeNewFile(path, async (file) => {
    await file.writeFile('half');
    // Nothing can be opened below a file.
    readFileSync(join(path, 'below'));
    return ok(1);
  });
  expect(written).toMatchObject({ ok: false, fault: { code: 'BadFile', where: path } });
  expect(existsSync(path)).toBe(false);
});
