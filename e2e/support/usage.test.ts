import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runProcess } from './processes.ts';

const env = { NODE_OPTIONS: undefined };
const run = (program: string, ...parameters: readonly string[]) =>
  runProcess(process.execPath, [join(import.meta.dirname, '..', program, 'main.ts'), ...parameters], { env });

describe.each(['demo', 'bench', 'soak', 'faults', 'fuzz', 'bench-operator'])('npm run %s', (program) => {
  it('tells how it is used, and starts nothing', async () => {
    const name = program.replace('-', ':');
    const { code, stdout, stderr } = await run(program, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^usage: npm run ${name} `));
  });

  it('says what it does not know', async () => {
    const { code, stdout, stderr } = await run(program, '--nonsense');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^usage: npm run/m);
  });
});
