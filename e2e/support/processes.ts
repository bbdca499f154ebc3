import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How long anything that a test waits for may take. Generous: it must never fail because a machine is slow. */
export const DEADLINE_MS = 60_000;

const KILL_AFTER_MS = 10_000;
const OUTPUT_LINES_MAX = 5_000;

export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to this process's own; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Opens a Node IPC channel: `child.send` and `message` events. */
  readonly ipc?: boolean;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running child process whose output is kept, as lines, from its start on. */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when it has ended and its output is read to the end. Never rejects. */
  readonly ended: Promise<Ended>;
  /** Everything so far, both streams, for a failure message. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** The first line of either stream, also one already printed, that matches. Rejects when the process ends first or at the deadline. */
  line(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** The first line of standard output that is a JSON object which `accept` takes; the same deadline. */
  jsonLine(accept: (value: Record<string, unknown>) => boolean, deadlineMs?: number): Promise<Record<string, unknown>>;
  /** Sends `signal` (default SIGTERM), then SIGKILL when that did not end it in 10 s. Settles when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

interface Line {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** Starts `program`. A program that cannot be started shows as an end with its reason in `stderr`. */
export function startProcess(
  program: string,
  parameters: readonly string[],
  options: ProcessOptions = {},
): RunningProcess {
  const child = spawn(program, [...parameters], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: options.ipc === true ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const lines: Line[] = [];
  const watchers = new Set<() => void>();
  let over: Ended | undefined;

  const keep = (line: Line): void => {
    lines.push(line);
    if (lines.length > OUTPUT_LINES_MAX) lines.shift();
    for (const watcher of watchers) watcher();
  };
  const textOf = (stream: Line['stream']): string => textOfLines(lines.filter((line) => line.stream === stream));

  const { stdout, stderr } = child;
  if (stdout !== null) createInterface({ input: stdout }).on('line', (text) => keep({ stream: 'stdout', text }));
  if (stderr !== null) createInterface({ input: stderr }).on('line', (text) => keep({ stream: 'stderr', text }));

  const ended = new Promise<Ended>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      over ??= { code, signal, stdout: textOf('stdout'), stderr: textOf('stderr') };
      resolve(over);
      for (const watcher of watchers) watcher();
    };
    child.once('error', (error) => {
      keep({ stream: 'stderr', text: error.message });
      if (child.pid === undefined) end(null, null);
    });
    child.once('close', (code, signal) => setImmediate(end, code, signal));
  });

  const find = <T>(what: string, match: (line: Line) => T | undefined, deadlineMs: number): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      let seen = 0;
      const settle = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const look = (): void => {
        // Lines that were shifted out were seen already, since every new line is looked at as it comes.
        for (const line of lines.slice(seen)) {
          const found = match(line);
          if (found === undefined) continue;
          settle();
          resolve(found);
          return;
        }
        seen = Math.min(lines.length, OUTPUT_LINES_MAX - 1);
        if (over === undefined) return;
        settle();
        reject(new Error(`${program} ended (${over.code ?? over.signal}) before ${what}:\n${textOfLines(lines)}`));
      };
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`${program} did not print ${what} in ${deadlineMs} ms:\n${textOfLines(lines)}`));
      }, deadlineMs);
      watchers.add(look);
      look();
    });

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> => {
    if (over !== undefined || child.pid === undefined) return ended;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    const result = await ended;
    clearTimeout(timer);
    return result;
  };

  return {
    pid: child.pid ?? -1,
    child,
    ended,
    output: () => textOfLines(lines),
    stdout: () => textOf('stdout'),
    stderr: () => textOf('stderr'),
    line: (pattern, deadlineMs = DEADLINE_MS) =>
      find(
        String(pattern),
        (line) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(line.text) ?? undefined,
        deadlineMs,
      ),
    jsonLine: (accept, deadlineMs = DEADLINE_MS) =>
      find(
        'the JSON line',
        (line) => (line.stream === 'stdout' ? acceptedObject(line.text, accept) : undefined),
        deadlineMs,
      ),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

export interface RunOptions extends ProcessOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string | Uint8Array;
  /** It is killed after this long; default 60 s. */
  readonly deadlineMs?: number;
}

/** Runs `program` to its end and gives back whole outputs (as UTF-8), whatever its exit code. */
export async function runProcess(
  program: string,
  parameters: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const child = spawn(program, [...parameters], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => stdout.push(data));
  child.stderr.on('data', (data: Buffer) => stderr.push(data));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? DEADLINE_MS);
  return new Promise<Ended>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    };
    child.once('error', (error) => {
      stderr.push(Buffer.from(`${error.message}\n`));
      if (child.pid === undefined) end(null, null);
    });
    child.once('close', end);
  });
}

function environment(changes: ProcessOptions['env']): NodeJS.ProcessEnv {
  const merged: NodeJS.ProcessEnv = { ...process.env, ...changes };
  for (const [name, value] of Object.entries(merged)) if (value === undefined) delete merged[name];
  return merged;
}

function textOfLines(lines: readonly Line[]): string {
  return lines.map((line) => `${line.text}\n`).join('');
}

function acceptedObject(
  text: string,
  accept: (value: Record<string, unknown>) => boolean,
): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const object: Record<string, unknown> = { ...value };
    return accept(object) ? object : undefined;
  } catch {
    return undefined;
  }
}
