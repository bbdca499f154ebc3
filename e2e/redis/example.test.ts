import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runCli } from '../sidegate-cli.ts';

const TIMEOUT_MS = 120_000;
const EXAMPLE = join(import.meta.dirname, '../../examples/redis');

test(
  'the example is valid, and answers as its README says',
  async () => {
    const valid = await runCli(['validate', '-f', EXAMPLE]);
    expect([valid.code, valid.stderr]).toEqual([0, '']);
    const readme = readFileSync(join(EXAMPLE, 'README.md'), 'utf8');
    for (const [command, word] of [
      ['FLUSHALL', 'no-mass-removal'],
      ['DEL customer:1', 'removal-of-customers'],
      ['GETRANGE session:42 0 3', 'masked-condition'],
    ] as const) {
      expect(readme).toContain(command);
      const { stdout } = await runCli(['explain', '-f', EXAMPLE, command]);
      expect([command, stdout.includes(word)]).toEqual([command, true]);
    }
  },
  TIMEOUT_MS,
);
