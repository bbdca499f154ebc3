import { spawnSync } from 'node:child_process';
import { findProgram } from './programs.ts';

/** Why these programs, or this line of a shell, do not work in a network namespace of its own here; undefined when they do. */
export function whyNoNamespace(programs: readonly string[], line: string): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root';
  const missing = [...programs, 'unshare'].filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `${missing.join(', ')} is not installed`;
  const tried = spawnSync('unshare', ['--net', 'sh', '-c', line], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `${line} does not work in a network namespace: ${tried.stderr}`;
}
