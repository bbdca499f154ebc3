import { join } from 'node:path';
import { expect } from '@jest/globals';
import { builtOnce } from '../support/cache-folder.ts';
import { findGo } from '../support/go.ts';
import { runProcess } from '../support/processes.ts';
import { findPython } from '../support/programs.ts';

export const LANGUAGE_TIMEOUT_MS = 600_000;
export const PYTHON = findPython('pip');
export const GO = findGo();
const here = join(import.meta.dirname, 'languages');

type Environment = Readonly<Record<string, string>>;

/** What a program says that must end well. */
export async function runWell(
  program: string,
  parameters: readonly string[],
  options: Parameters<typeof runProcess>[2] = {},
): Promise<string> {
  const { code, stdout, stderr } = await runProcess(program, parameters, {
    ...options,
    deadlineMs: LANGUAGE_TIMEOUT_MS,
  });
  expect({ code, stderr: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** What a program of `languages/python` saw with redis-py. */
export async function seenInPython(program: string, environment: Environment): Promise<unknown> {
  const requirements = join(here, 'python', 'requirements.txt');
  const libraries = await builtOnce('python-redis', [requirements], [PYTHON ?? ''], async (folder) => {
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder];
    await runWell(PYTHON ?? '', [...install, '-r', requirements]);
  });
  const env = { ...environment, PYTHONPATH: libraries };
  return JSON.parse(await runWell(PYTHON ?? '', [join(here, 'python', program)], { env }));
}

/** What the program of `languages/go` saw with go-redis. */
export async function seenInGo(environment: Environment): Promise<unknown> {
  const sources = ['go.mod', 'go.sum', 'main.go', 'cluster.go', 'sentinel.go'].map((file) => join(here, 'go', file));
  const folder = await builtOnce('go-redis', sources, [GO?.version ?? ''], async (into) => {
    await runWell(GO?.program ?? '', ['build', '-trimpath', '-o', join(into, 'client'), '.'], {
      cwd: join(here, 'go'),
      env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
    });
  });
  return JSON.parse(await runWell(join(folder, 'client'), [], { env: environment }));
}
