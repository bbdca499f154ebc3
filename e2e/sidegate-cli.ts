import { join } from 'node:path';
import { type RunningProcess, runProcess, startProcess } from './support/processes.ts';

/** The program as a user starts it. */
export const SIDEGATE = join(import.meta.dirname, '../cli/bin/sidegate.js');

/** Node's flags for the tests are not for the program. */
const ENVIRONMENT = { NODE_OPTIONS: undefined };

/** How a command of `sidegate` ended. */
export interface CliEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON objects, one a line; other lines are left out. */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

/** Runs a command of `sidegate` to its end. */
export async function runCli(
  parameters: readonly string[],
  options: {
    readonly input?: string;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly deadlineMs?: number;
  } = {},
): Promise<CliEnd> {
  const { code, stdout, stderr } = await runProcess(process.execPath, [SIDEGATE, ...parameters], {
    ...options,
    env: { ...ENVIRONMENT, ...options.env },
  });
  return { code, stdout, stderr, objects: objectsOf(stdout) };
}

/** Starts a command of `sidegate` that stays. */
export function startCli(
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningProcess {
  return startProcess(process.execPath, [SIDEGATE, ...parameters], { env: { ...ENVIRONMENT, ...environment } });
}

/**
 * Starts `sidegate run` on a folder and resolves with its first word when agents can connect. Throws when it refuses its files. `keep` is given the
 * process before it is waited for, so that somebody ends it whatever comes.
 */
export async function startRun(
  folder: string,
  state: string,
  keep: (process: RunningProcess) => RunningProcess,
  environment?: Readonly<Record<string, string>>,
): Promise<{ readonly run: RunningProcess; readonly ready: Readonly<Record<string, unknown>> }> {
  const flags = ['-f', folder, '--listen', '127.0.0.1', '--state', state, '--json'];
  const run = keep(startCli(['run', ...flags], environment));
  const ready = await run.jsonLine(({ kind }) => kind === 'Ready' || kind === 'Refused');
  if (ready['kind'] !== 'Ready') throw new Error(`sidegate run refuses its files:\n${run.output()}`);
  return { run, ready };
}

/** The newest process ids of what `sidegate run` runs. */
export interface ProcessIds {
  readonly gate: number;
  readonly store: number;
}

export function processIdsOf(run: RunningProcess): ProcessIds {
  const started = objectsOf(run.stdout()).filter(({ kind }) => kind === 'Started');
  const newest = (name: string): number => Number(started.findLast(({ program }) => program === name)?.['pid']);
  return { gate: newest('gate'), store: newest('store') };
}

/** The JSON objects of a text, one a line. */
export function objectsOf(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      const value: unknown = JSON.parse(line);
      return [{ ...Object(value) } as Readonly<Record<string, unknown>>];
    } catch {
      return [];
    }
  });
}
