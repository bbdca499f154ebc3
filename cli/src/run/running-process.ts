import { readFileSync } from 'node:fs';
import { errorCode } from './system-error.ts';

/** One process, also told apart from a later one with the same number where the system lets us (Linux). */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own unit; undefined where that cannot be told. */
  readonly started?: string;
}

/** The identity of a process that runs now; undefined when there is none, or nothing is left of it but its exit code. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const status = readStatus(pid);
  if (status === 'Ended' || (status === undefined && !answersSignals(pid))) return undefined;
  return status === undefined ? { pid } : { pid, started: status.started };
}

/** True while the very process that was identified runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  if (now === undefined) return false;
  return now.started === undefined || identity.started === undefined || now.started === identity.started;
}

/** Reads proc_pid_stat(5); undefined where there is no such file. */
function readStatus(pid: number): { readonly started: string } | 'Ended' | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold anything; the fields after it are numbers, but for the state.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (state === 'Z' || state === 'X') return 'Ended';
  return { started: fields[19] ?? '' };
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and belongs to somebody else.
    return errorCode(error) === 'EPERM';
  }
}
