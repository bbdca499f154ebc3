import { chmod, open, rename } from 'node:fs/promises';

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
