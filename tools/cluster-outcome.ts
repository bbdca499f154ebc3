import type { TestOutcome } from './test-outcome.ts';

/** What `npm run e2e:cluster` ends with where there can be no cluster. */
const NO_CLUSTER = 3;

/** Reads the lines of `npm run e2e:cluster`: each case counts as one test. A run that ended badly with no failed case is one failed test. */
export function clusterOutcome(status: number | null, stdout: string, stderr: string): TestOutcome {
  const lines = stdout.split('\n');
  const count = (word: string): number => lines.filter((line) => line.startsWith(word)).length;
  const [passed, failed, skipped] = [count('ok    '), count('FAIL  '), count('skip  ')];
  const failures = failed === 0 ? [] : [`cases on a cluster\n${stdout}${stderr}`];
  if (status === NO_CLUSTER && passed + failed === 0) return { passed, failed, skipped: skipped + 1, failures };
  if (status === 0 || failed > 0) return { passed, failed, skipped, failures };
  return { passed, failed: 1, skipped, failures: [`cases on a cluster ended with ${status}\n${stdout}${stderr}`] };
}
