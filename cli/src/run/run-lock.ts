import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { identifyProcess, isRunning, type ProcessIdentity } from './running-process.ts';
import { errorCode } from './system-error.ts';

/** A lock is taken from an owner that is gone at most this often before we give up; each time somebody else was faster. */
const TRIES_MAX = 5;

/** What stands in the lock file. */
interface Owner extends ProcessIdentity {
  /** The folder of resources that it runs. */
  readonly folder: string;
}

/** The right to run on a folder. */
export interface RunLock {
  release(): void;
}

/** What a folder is for; the option that names it is called so. */
export type LockedFolder = 'state' | 'trust';

/**
 * Takes a state folder, or the folder that agents read, for this process. An owner that is gone, however it ended, holds nothing. Fault AlreadyRunning: another
 * `sidegate run` has it.
 */
export function takeRunLock(
  place: string,
  folder: string,
  what: LockedFolder = 'state',
): Result<RunLock, Fault<'AlreadyRunning'>> {
  const path = join(place, 'run.lock');
  const own: Owner = { ...(identifyProcess(process.pid) ?? { pid: process.pid }), folder };
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let tried = 0; tried < TRIES_MAX; tried++) {
      if (placed(draft, path)) return ok({ release: () => rmSync(path, { force: true }) });
      const owner = readOwner(path);
      if (owner !== undefined && isRunning(owner)) return fail(alreadyRunning(owner, place, what));
      removeStale(path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return fail(alreadyRunning(undefined, place, what));
}

/** Links the finished file to its name, which fails when the name is taken: nobody ever reads half a lock. */
function placed(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Another process may have replaced the stale lock since it was read: then it is put back. */
function removeStale(path: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const owner = readOwner(aside);
  if (owner !== undefined && isRunning(owner)) placed(aside, path);
  rmSync(aside, { force: true });
}

function readOwner(path: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined;
    const started = 'started' in value && typeof value.started === 'string' ? { started: value.started } : {};
    const folder = 'folder' in value && typeof value.folder === 'string' ? value.folder : '';
    return { pid: value.pid, ...started, folder };
  } catch {
    return undefined;
  }
}

function alreadyRunning(owner: Owner | undefined, place: string, what: LockedFolder): Fault<'AlreadyRunning'> {
  const who = owner === undefined ? 'Another sidegate run' : `sidegate run -f ${owner.folder} (process ${owner.pid})`;
  return {
    code: 'AlreadyRunning',
    message: `${who} uses this ${what} folder already.`,
    where: place,
    mend: `Stop it first, or give this one a folder of its own with --${what}.`,
  };
}
