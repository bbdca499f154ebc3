import { spawnSync } from 'node:child_process';

/** The checks that need no test run, in the order in which they tell most for the least time. */
const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ['types', 'tsc', '--noEmit'],
  ['format', 'biome', 'ci', '--colors=off', '--error-on-warnings', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['layers', 'node', 'tools/layers.ts'],
  ['tidy', 'node', 'tools/tidy.ts'],
  ['packages', 'knip', '--no-config-hints'],
];

let failed = false;
for (const [name, program = '', ...parameters] of CHECKS) {
  const { status } = spawnSync(program, parameters, { stdio: 'inherit' });
  process.stderr.write(`${status === 0 ? 'ok  ' : 'FAIL'}  ${name}\n`);
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
