import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN_POSTGRES = '/usr/lib/postgresql';

/** The whole path of an installed program, looked for in PATH, where Debian keeps servers, and in PostgreSQL's own folders; undefined when absent. */
export function findProgram(name: string): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const folders = [...path, '/usr/local/bin', '/usr/bin', '/usr/sbin', ...postgresFolders()];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Debian's PostgreSQL binaries, newest first. */
export function postgresFolders(): readonly string[] {
  if (!existsSync(DEBIAN_POSTGRES)) return [];
  return readdirSync(DEBIAN_POSTGRES)
    .filter((name) => /^\d+$/.test(name))
    .toSorted((a, b) => Number(b) - Number(a))
    .map((name) => join(DEBIAN_POSTGRES, name, 'bin'));
}

/** A Python that can import `module`; undefined when there is none. */
export function findPython(module: string): string | undefined {
  const candidates = [findProgram('python3'), '/usr/bin/python3'].filter((path) => path !== undefined);
  return candidates.find(
    (path) => isExecutable(path) && spawnSync(path, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
