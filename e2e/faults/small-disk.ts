import { mkdirSync } from 'node:fs';
import { runProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A file system of a few MiB in a folder; gone when it is disposed of, after whatever uses it. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
}

/** Makes the folder and mounts a tmpfs of `mebibytes` on it. Undefined without the right to mount. */
export async function mountSmallDisk(folder: string, mebibytes: number): Promise<SmallDisk | undefined> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const mounted = await runProcess('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', folder]);
  if (mounted.code !== 0) return undefined;
  return {
    folder,
    // Lazily: a process that has just ended may still be letting go of its files.
    [Symbol.asyncDispose]: async () => void (await runProcess('umount', ['-l', folder])),
  };
}

/** Whether this user may mount here. */
export async function canMount(): Promise<boolean> {
  using place = temporaryFolder('mount');
  await using disk = await mountSmallDisk(place.path, 1);
  return disk !== undefined;
}
