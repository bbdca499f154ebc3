import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { errorText } from './system-error.ts';

/** Held while one process writes and reads a spool folder. */
export interface SpoolLock {
  release(): void;
}

/**
 * Takes the folder for this process alone. Node has no lock on files, but SQLite has: its exclusive lock is the kernel's, so it
 * ends with the process however that ends, and it also holds between two owners in one process. Nothing is ever stored in it.
 */
export function lockSpool(folder: string, waitMs: number): Result<SpoolLock, Fault<'SpoolLocked' | 'SpoolBroken'>> {
  const path = join(folder, 'lock');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: waitMs });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = database;
    return ok({ release: () => held.close() });
  } catch (error) {
    database?.close();
    if (isBusy(error)) {
      const message = 'Another gate is using this spool folder.';
      return fail({ code: 'SpoolLocked', message, where: folder, mend: 'Stop it, or give this one another folder.' });
    }
    return fail({
      code: 'SpoolBroken',
      message: `The spool folder cannot be locked: ${errorText(error)}.`,
      where: path,
    });
  }
}

/** SQLITE_BUSY, in whatever extended form. */
const BUSY = 5;

function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return false;
  return typeof error.errcode === 'number' && (error.errcode & 0xff) === BUSY;
}
