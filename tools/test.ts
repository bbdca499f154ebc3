import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterOutcome } from './cluster-outcome.ts';
import { outcomeOf, report, sumOf, type TestOutcome } from './test-outcome.ts';

const FAILURE_LINES_MAX = 150;

/** What `npm run e2e:containers` ends with where Docker cannot start. */
const NO_CONTAINERS = 3;

/** Runs jest once and reads what came of it. */
function runJest(name: string, parameters: readonly string[]): TestOutcome {
  return runWithResult(name, (resultFile) => [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--reporters=<rootDir>/tools/progress-reporter.js',
    '--json',
    `--outputFile=${resultFile}`,
    '--forceExit',
    ...parameters,
  ]);
}

/** Runs lanes with their target servers in containers. Where Docker cannot start, it says why. */
function runContainers(): TestOutcome {
  const command = (resultFile: string): readonly string[] => ['e2e/containers/main.ts', '--json', resultFile];
  return runWithResult('Tests with targets in containers', command, NO_CONTAINERS);
}

/** Runs a program of Node that leaves jest's result in a file. One that ends with `unavailable` counts as one skipped test. */
function runWithResult(
  name: string,
  command: (resultFile: string) => readonly string[],
  unavailable?: number,
): TestOutcome {
  const folder = mkdtempSync(join(tmpdir(), 'sidegate-test-'));
  const resultFile = join(folder, 'result.json');
  process.stderr.write(`\n${name}\n`);
  try {
    const { status, signal } = spawnSync(process.execPath, command(resultFile), {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== null && status === unavailable) return { passed: 0, failed: 0, skipped: 1, failures: [] };
    const outcome = outcomeOf(readIfThere(resultFile));
    const silent = status !== 0 && outcome.failed === 0;
    const how = signal === null ? `with code ${status}` : `by ${signal}`;
    return silent
      ? { ...outcome, failed: 1, failures: [`${name}: jest ended ${how} although no test failed`] }
      : outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tests use the programs of Kubernetes where they are; where they cannot be built, each of those tests says what it lacks. */
function buildClusterPrograms(): void {
  process.stderr.write('\nPrograms of a cluster\n');
  spawnSync(process.execPath, ['e2e/cluster/main.ts', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Shows on a real cluster what only a cluster can show. Where none can be, it says why. */
function runCluster(): TestOutcome {
  process.stderr.write('\nCases on a cluster\n');
  const parameters = ['e2e/cluster/e2e.ts', '--ci'];
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8', maxBuffer: 64 << 20 });
  process.stderr.write(`${stderr}${stdout}`);
  return clusterOutcome(status, stdout, stderr);
}

function pathPattern(path: string): string {
  return path.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const chosen = process.argv.slice(2);
if (chosen.length === 0) buildClusterPrograms();
const outcomes =
  chosen.length > 0
    ? [runJest('Chosen tests', chosen)]
    : [
        runJest('Tests beside the code', [
          '--maxWorkers=2',
          '--testPathIgnorePatterns',
          '/node_modules/',
          '/dist/',
          '<rootDir>/e2e/',
        ]),
        // These start servers and clients, so they run one file at a time.
        runJest('Tests against real servers and clients', [
          '--runInBand',
          '--testPathPatterns',
          `^${pathPattern(join(process.cwd(), 'e2e'))}/`,
        ]),
        runContainers(),
        runCluster(),
      ];
const outcome = sumOf(outcomes);
process.stderr.write(`\n`);
process.stdout.write(report(outcome, FAILURE_LINES_MAX));
process.exitCode = outcome.failed === 0 && outcome.passed > 0 ? 0 : 1;
