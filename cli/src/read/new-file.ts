import { type FileHandle, open, rm } from 'node:fs/promises';
import { type Fault, fail, type Result } from '@sidegate/crds';

export type FileFault = Fault<'BadFile'>;

/**
 * Has `write` fill a new file for its owner alone; on disk when it settles. What fails leaves no file, which could be taken for a whole one.
 * Fault BadFile: it exists, or cannot be written. Rejects with what else `write` throws.
 */
export async function writeNewFile<T, F extends Fault>(
  path: string,
  write: (file: FileHandle) => Promise<Result<T, F>>,
): Promise<Result<T, F | FileFault>> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => fileFault(path, error));
  if ('code' in file) return fail(file);
  let isWhole = false;
  try {
    const written = await write(file);
    if (!written.ok) return written;
    await file.sync();
    isWhole = true;
    return written;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'syscall' in error) return fail(fileFault(path, error));
    throw error;
  } finally {
    await file.close();
    if (!isWhole) await rm(path, { force: true });
  }
}

export function fileFault(path: string, error: unknown): FileFault {
  const reason = error instanceof Error ? error.message : String(error);
  return { code: 'BadFile', message: `The file cannot be used: ${reason}.`, where: path };
}
