import type { ChildProcess } from 'node:child_process';

/** How a process ended, as the end of a sentence. */
export function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `with code ${code}` : `by ${signal}`;
}

/** Asks a process to end, and resolves once it has; it is killed when it does not within `timeoutMs`. */
export function endChild(child: ChildProcess, ask: () => void, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    const timeout = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('exit', () => {
      clearTimeout(timeout);
      resolve();
    });
    ask();
  });
}
