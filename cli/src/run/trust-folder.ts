import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { takeRunLock } from './run-lock.ts';
import { errorText } from './system-error.ts';

/** What the gate writes for agents, as paths. */
export interface TrustFiles {
  /** The gate's authority, PEM: what clients that ask for TLS verify it by. */
  readonly authority: string;
  /** The same with all that the system trusts, for clients that take one file for every server. */
  readonly bundle: string;
  /** What clients of SSH know it by. */
  readonly knownHosts: string;
}

export interface TrustFolder {
  readonly path: string;
  readonly files: TrustFiles;
  release(): void;
}

const OTHERS_WRITE = 0o022;

/**
 * Makes the folder from which agents read by what they know the gate, and takes it for this run. Others may read it; whoever else could write in it
 * could have agents believe another gate, so that is a fault.
 */
export function openTrust(folder: string, resources: string): Result<TrustFolder, Fault> {
  const path = resolve(folder);
  const bad = (message: string, mend: string): Result<never, Fault> =>
    fail({ code: 'BadTrust', message, where: path, mend });
  try {
    // Whoever named a folder that is there has said who may read it.
    if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, 0o755);
    const { uid, mode } = statSync(path);
    if (process.getuid !== undefined && uid !== process.getuid())
      return bad('The trust folder belongs to another user.', 'Name a folder of your own with --trust.');
    if ((mode & OTHERS_WRITE) !== 0)
      return bad(
        'Others may write in the trust folder, so they could have agents believe another gate.',
        'Take that right away (chmod go-w), or name another folder with --trust.',
      );
  } catch (error) {
    return bad(`The trust folder cannot be used: ${errorText(error)}.`, 'Name another folder with --trust.');
  }
  const lock = takeRunLock(path, resources, 'trust');
  if (!lock.ok) return lock;
  const files = {
    authority: join(path, 'ca.pem'),
    bundle: join(path, 'bundle.pem'),
    knownHosts: join(path, 'ssh_known_hosts'),
  };
  return ok({ path, files, release: () => lock.value.release() });
}
