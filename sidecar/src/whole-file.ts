import { chmod, open, readFile, rename, stat } from 'node:fs/promises';

/** Replaces a file whole: whoever reads sees what was there before or all of `text`. Rejects when the folder cannot be written. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const draft = await open(`${path}.new`, 'w', mode);
  try {
    await draft.writeFile(text);
    await draft.sync();
  } finally {
    await draft.close();
  }
  // The process's own mask may have taken away what others need to read it.
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}

/** The same for a file that is seldom another: one that is as it should be is left alone, so that a full disk does not matter to it. */
export async function keepWhole(path: string, text: string, mode: number): Promise<void> {
  if (!(await isWhole(path, text, mode))) await writeWhole(path, text, mode);
}

async function isWhole(path: string, text: string, mode: number): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')) === text && ((await stat(path)).mode & 0o777) === mode;
  } catch {
    return false;
  }
}
