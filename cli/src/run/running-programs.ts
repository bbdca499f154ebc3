import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess, isRunning, type ProcessIdentity } from './running-process.ts';
import type { ProgramName } from './supervisor.ts';

/** How long programs of an owner that is gone may take to end by themselves, in milliseconds. */
const END_TIMEOUT_MS = 20_000;
const LOOK_MS = 50;

/** Which programs run on a state folder, kept there for whoever comes after an owner that was killed. */
export class RunningPrograms {
  readonly #file: string;
  #running: Partial<Record<ProgramName, ProcessIdentity>> = {};

  constructor(stateFolder: string) {
    this.#file = join(stateFolder, 'programs.json');
  }

  note(program: ProgramName, pid: number): void {
    const identity = identifyProcess(pid);
    if (identity === undefined) return;
    this.#running = { ...this.#running, [program]: identity };
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#running), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Resolves when no program of an earlier owner runs on the folder. They end with their owner, and are killed when they do not. */
  async outlast(): Promise<void> {
    const deadline = Date.now() + END_TIMEOUT_MS;
    let left = this.#read().filter(isRunning);
    while (left.length > 0) {
      if (Date.now() > deadline) for (const { pid } of left) kill(pid);
      await sleep(LOOK_MS);
      left = left.filter(isRunning);
    }
  }

  #read(): readonly ProcessIdentity[] {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, 'utf8'));
      return Object.values(Object(value) as Readonly<Record<string, unknown>>).flatMap((one) => {
        if (typeof one !== 'object' || one === null || !('pid' in one) || typeof one.pid !== 'number') return [];
        return [
          'started' in one && typeof one.started === 'string'
            ? { pid: one.pid, started: one.started }
            : { pid: one.pid },
        ];
      });
    } catch {
      return [];
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
