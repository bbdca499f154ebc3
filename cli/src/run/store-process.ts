import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describeEnd, endChild } from './child-end.ts';

export interface StoreReady {
  /** Where gates send their records. */
  readonly ingest: string;
  /** Where the owner reads. */
  readonly ownerSocket: string;
}

function readReady(line: string): StoreReady | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return undefined;
    const { kind, ingest, ownerSocket } = value as Readonly<Record<string, unknown>>;
    return kind === 'Ready' && typeof ingest === 'string' && typeof ownerSocket === 'string'
      ? { ingest, ownerSocket }
      : undefined;
  } catch {
    return undefined;
  }
}

/** One running store. It ends when this process does, however this ends. */
export class StoreProcess {
  readonly #child: ChildProcess;
  /** Undefined when the store ended before it was ready. */
  readonly ready: Promise<StoreReady | undefined>;
  #stopping = false;

  constructor(program: string, parameters: readonly string[], ended: (how: string) => void) {
    // The channel carries nothing: the store ends when it closes. A group of its own: see GateProcess.
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      detached: true,
    });
    this.ready = new Promise((resolve) => {
      if (this.#child.stdout !== null) {
        createInterface({ input: this.#child.stdout }).on('line', (line) => {
          const ready = readReady(line);
          if (ready !== undefined) resolve(ready);
        });
      }
      this.#child.once('exit', (code, signal) => {
        resolve(undefined);
        if (!this.#stopping) ended(describeEnd(code, signal));
      });
      this.#child.on('error', (error) => {
        if (this.#child.pid !== undefined) return;
        resolve(undefined);
        if (!this.#stopping) ended(`before it started: ${error.message}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves once it has ended; it is killed when it does not within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    return endChild(this.#child, () => this.#child.kill('SIGTERM'), timeoutMs);
  }
}
