import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runProcess } from '../support/processes.ts';

const LIMIT_MS = 300_000;

test(
  'the demo runs unattended, and every outcome is right',
  async () => {
    const { code, stdout, stderr } = await runProcess(
      process.execPath,
      [join(import.meta.dirname, 'main.ts'), '--once'],
      {
        deadlineMs: LIMIT_MS,
        env: { NODE_OPTIONS: undefined },
      },
    );
    expect({ code, wrong: stdout.split('\n').filter((line) => line.startsWith('FAIL')), stderr }).toEqual({
      code: 0,
      wrong: [],
      stderr: '',
    });
    expect(stdout).toMatch(/^ok {4}sidegate verify/m);
  },
  LIMIT_MS,
);
