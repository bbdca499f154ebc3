import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runCli } from '../sidegate-cli.ts';

const TIMEOUT_MS = 600_000;
const EXAMPLE = join(import.meta.dirname, '../../examples/ssh');

test(
  'the example is valid, and answers as its README says',
  async () => {
    const valid = await runCli(['validate', '-f', EXAMPLE]);
    expect([valid.code, valid.stderr]).toEqual([0, '']);
    const readme = readFileSync(join(EXAMPLE, 'README.md'), 'utf8');
    for (const [command, word] of [
      ['cat customers.csv', 'Allow'],
      ['rm -rf build', 'no-removal'],
      ["sh -c 'rm -rf build'", 'no-removal'],
      ['echo key >> ~/.ssh/authorized_keys', 'keys-stay'],
      ['eval "$(cat todo)"', 'ShellCode'],
      ['systemctl restart app', 'somebody-looks'],
    ] as const) {
      expect(readme).toContain(command);
      const { stdout } = await runCli(['explain', '-f', EXAMPLE, command]);
      expect([command, stdout, stdout.includes(word)]).toEqual([command, stdout, true]);
    }
  },
  TIMEOUT_MS,
);
