import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runCli } from './sidegate-cli.ts';

/** A test: the example of that name is valid, its README names each command, and `sidegate explain` answers it with the word beside it. */
export function checkExample(
  name: string,
  answers: readonly (readonly [command: string, word: string, ...options: string[]])[],
  timeoutMs: number,
): void {
  const folder = join(import.meta.dirname, '../examples', name);
  test(
    'the example is valid, and answers as its README says',
    async () => {
      const valid = await runCli(['validate', '-f', folder]);
      expect([valid.code, valid.stderr]).toEqual([0, '']);
      const readme = readFileSync(join(folder, 'README.md'), 'utf8');
      for (const [command, word, ...options] of answers) {
        expect(readme).toContain(command);
        const { stdout } = await runCli(['explain', '-f', folder, ...options, command]);
        expect([command, stdout, stdout.includes(word)]).toEqual([command, stdout, true]);
      }
    },
    timeoutMs,
  );
}
