import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keepHostKey } from './kept-host-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-host-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const known = (): string[] => readFileSync(join(folder, 'ssh_known_hosts'), 'utf8').trimEnd().split('\n');

test('the key is the same when the gate is started again, and nobody else may read it', async () => {
  const first = await keepHostKey(folder, folder);
  const lines = known();
  expect((await keepHostKey(folder, folder)).pem).toBe(first.pem);
  expect(known()).toEqual(lines);
  expect(statSync(join(folder, 'ssh-host-key')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'ssh_known_hosts')).mode & 0o777).toBe(0o644);
});

test('agents are shown it for every name, and for each place by itself', async () => {
  const { show } = await keepHostKey(folder, folder);
  const [line = ''] = known();
  const key = line.slice('* '.length);
  expect(key).toMatch(/^ssh-ed25519 [\w+/=]+$/);
  await show([
    { names: ['127.0.0.1', 'localhost', 'build', 'build'], port: 2222 },
    { names: ['127.64.0.2', 'build.data.svc'], port: 22 },
  ]);
  expect(known()).toEqual([
    `* ${key}`,
    `[127.0.0.1]:2222,[localhost]:2222,[build]:2222 ${key}`,
    `127.64.0.2,build.data.svc ${key}`,
  ]);
});

test('the file stays what it is while the places do', async () => {
  const { show } = await keepHostKey(folder, folder);
  await show([{ names: ['build'], port: 22 }]);
  const { ino } = statSync(join(folder, 'ssh_known_hosts'));
  await show([{ names: ['build'], port: 22 }]);
  expect(statSync(join(folder, 'ssh_known_hosts')).ino).toBe(ino);
  await show([]);
  expect(known()).toHaveLength(1);
});
