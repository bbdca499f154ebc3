import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what is slow to build is kept between runs: `SIDEGATE_CACHE`, else the user's cache folder. Outside the checkout. */
export function cacheFolder(): string {
  return process.env['SIDEGATE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sidegate');
}

const ATTEMPTS_MAX = 3;

/**
 * A folder that `build` fills once for the same inputs (files and words) and that is found there the next time. A build that fails or
 * is killed leaves nothing behind; one that fails is tried again, for what it fetches may be away for a moment.
 */
export async function builtOnce(
  name: string,
  files: readonly string[],
  words: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const file of files) hash.update(readFileSync(file));
  const folder = join(cacheFolder(), name, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.${process.pid}`;
  for (let attempt = 1; ; attempt++) {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    try {
      await build(fresh);
      break;
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error;
    }
  }
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another run was faster; what it built is as good.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
