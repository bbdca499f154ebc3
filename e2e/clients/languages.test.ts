import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { openStage, type Stage } from '../stage.ts';
import { builtOnce } from '../support/cache-folder.ts';
import { findGo } from '../support/go.ts';
import { runProcess } from '../support/processes.ts';
import { findProgram, findPython } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { runClientWell } from './client-run.ts';

const TIMEOUT_MS = 600_000;
const JDBC = 'org.postgresql:postgresql:42.7.14';
const here = join(import.meta.dirname, 'languages');
const python = findPython('pip');
const go = findGo();
const maven = findProgram('mvn');
const java = findProgram('java');

/** What every client must have seen: the same masks, the same refusal, its own writes. */
const SEEN = {
  rows: Array.from({ length: 3 }, () => [1, '***********.com', '*******4399']),
  paged: ['*******4399', '*******4471', '*******4522'],
  refused: '42501',
  detail: 'Rule data/production-guardrails/unbounded-write: A write without WHERE changes every row.',
  after: 3,
};

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

async function build(
  program: string,
  parameters: readonly string[],
  options: Parameters<typeof runProcess>[2] = {},
): Promise<void> {
  const { code, stdout, stderr } = await runProcess(program, parameters, { ...options, deadlineMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${stdout}${stderr}`);
}

async function seen(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  return JSON.parse(await runClientWell(stage, program, parameters, undefined, environment));
}

testGiven(python, 'no Python with pip is installed').each(['asyncpg', 'sqlalchemy'])(
  '%s',
  async (name) => {
    const requirements = join(here, 'python', 'requirements.txt');
    const libraries = await builtOnce('python-clients', [requirements], [python ?? ''], (folder) =>
      build(python ?? '', [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--target',
        folder,
        '-r',
        requirements,
      ]),
    );
    expect(await seen(python ?? '', [join(here, 'python', `${name}_client.py`)], { PYTHONPATH: libraries })).toEqual(
      SEEN,
    );
  },
  TIMEOUT_MS,
);

testGiven(go, 'Go 1.26 is not installed')(
  'pgx',
  async () => {
    const sources = ['go.mod', 'go.sum', 'main.go'].map((file) => join(here, 'go', file));
    const folder = await builtOnce('go-client', sources, [go?.version ?? ''], (into) =>
      build(go?.program ?? '', ['build', '-trimpath', '-o', join(into, 'client'), '.'], {
        cwd: join(here, 'go'),
        env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
      }),
    );
    expect(await seen(join(folder, 'client'), [])).toEqual(SEEN);
  },
  TIMEOUT_MS,
);

testGiven(maven !== undefined && java !== undefined, 'Java and Maven are not both installed')(
  'JDBC',
  async () => {
    const source = join(here, 'java', 'Client.java');
    const folder = await builtOnce('java-client', [source], [JDBC], async (into) => {
      await build(maven ?? '', ['-q', '-B', 'dependency:copy', `-Dartifact=${JDBC}`, `-DoutputDirectory=${into}`], {
        cwd: into,
      });
      copyFileSync(source, join(into, 'Client.java'));
      await build(findProgram('javac') ?? 'javac', ['-cp', join(into, '*'), '-d', into, source]);
    });
    expect(await seen(java ?? '', ['-cp', `${folder}/*:${folder}`, 'Client'])).toEqual(SEEN);
  },
  TIMEOUT_MS,
);
