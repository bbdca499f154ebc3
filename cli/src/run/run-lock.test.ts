import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { takeRunLock } from './run-lock.ts';
import { identifyProcess } from './running-process.ts';

let state = '';
let children: ChildProcess[] = [];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'sidegate-lock-'));
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(state, { recursive: true });
});

test('a folder that is taken is refused to a second one, and says who has it', () => {
  const first = takeRunLock(state, 'my-gate');
  expect(first.ok).toBe(true);
  expect(takeRunLock(state, 'other')).toMatchObject({
    ok: false,
    fault: {
      code: 'AlreadyRunning',
      where: state,
      message: `sidegate run -f my-gate (process ${process.pid}) uses this state folder already.`,
    },
  });
  if (first.ok) first.value.release();
  expect(takeRunLock(state, 'other').ok).toBe(true);
});

test('an owner that was killed holds nothing', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  children.push(child);
  const identity = identifyProcess(child.pid ?? 0);
  expect(identity).toBeDefined();
  writeFileSync(join(state, 'run.lock'), JSON.stringify({ ...identity, folder: 'killed' }));
  expect(takeRunLock(state, 'next').ok).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(takeRunLock(state, 'next').ok).toBe(true);
});

test.each([
  ['another process with the same number', JSON.stringify({ pid: process.pid, started: '1', folder: 'old' })],
  ['half a lock', '{"pid":'],
  ['something else', '[]'],
])('%s in the lock file holds nothing', (_name, text) => {
  writeFileSync(join(state, 'run.lock'), text);
  const own = identifyProcess(process.pid);
  // Where the system does not tell when a process started, its number alone counts.
  const expected = own?.started !== undefined || !text.includes('started');
  expect(takeRunLock(state, 'next').ok).toBe(expected);
});
