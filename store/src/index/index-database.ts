import { DatabaseSync } from 'node:sqlite';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { integerOf } from './row.ts';
import { LATER_INDEXES, SCHEMA, SCHEMA_VERSION } from './schema.ts';

/**
 * Opens the index, and makes it when there is none. A commit is on disk when it returns. The file stays locked for as long as
 * it is open, so that two stores never work on one folder. Faults: StoreBusy, IndexVersion, IndexBroken.
 */
export function openIndex(file: string): Result<DatabaseSync, Fault<'StoreBusy' | 'IndexVersion' | 'IndexBroken'>> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full;');
    database.exec('begin immediate');
    const row = database.prepare('pragma user_version').get();
    const version = row === undefined ? 0 : integerOf(row, 'user_version');
    if (version === 0) database.exec(`${SCHEMA}; pragma user_version = ${SCHEMA_VERSION}`);
    if (version === 0 || version === SCHEMA_VERSION) database.exec(LATER_INDEXES);
    database.exec('commit');
    if (version === 0 || version === SCHEMA_VERSION) {
      // A commit that deletes words would merge the index of words for as long as that takes: 40 us for each, seconds in one piece. Retention merges.
      database.exec("insert into command_words (command_words, rank) values ('deletemerge', 0)");
      return ok(database);
    }
    database.close();
    return fail({
      code: 'IndexVersion',
      message: `The index has version ${version}; this program reads version ${SCHEMA_VERSION}.`,
      where: file,
      mend: 'Move the index file away; it is built again from the segments.',
    });
  } catch (error) {
    if (database?.isOpen === true) database.close();
    return fail(openFault(file, error));
  }
}

function openFault(file: string, error: unknown): Fault<'StoreBusy' | 'IndexBroken'> {
  const SQLITE_BUSY = 5;
  const busy = typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === SQLITE_BUSY;
  if (busy) {
    return {
      code: 'StoreBusy',
      message: 'Another store works on this folder.',
      where: file,
      mend: 'Stop it, or name another folder with --data.',
    };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { code: 'IndexBroken', message: `The index cannot be opened: ${reason}.`, where: file };
}

/**
 * What a commit promises. `OnDisk`: it survives a machine that stops. `Rebuildable`: it survives the process; a machine that stops may
 * lose the last ones, and the next start reads them from the segments, which are on disk.
 */
export type Promised = 'OnDisk' | 'Rebuildable';

/** Runs `work` as one transaction; a throw undoes all of it and goes on to the caller. */
export function transact<T>(database: DatabaseSync, work: () => T, promised: Promised = 'OnDisk'): T {
  if (promised === 'Rebuildable') database.exec('pragma synchronous = normal');
  try {
    return transactNow(database, work);
  } finally {
    if (promised === 'Rebuildable') database.exec('pragma synchronous = full');
  }
}

function transactNow<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate');
  try {
    const value = work();
    database.exec('commit');
    return value;
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}
