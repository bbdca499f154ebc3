import { open, rm } from 'node:fs/promises';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/**
 * Writes lines into a new file for its owner alone; on disk when it settles. A fault among them leaves no file. Fault BadFile: it exists, or cannot be
 * written.
 */
export async function writeCastFile(
  path: string,
  lines: AsyncIterable<Result<string>>,
): Promise<Result<{ readonly bytes: number }>> {
  const file = await open(path, 'wx', 0o600).catch(
    (error: unknown): Fault<'BadFile'> => ({
      code: 'BadFile',
      message: `The file cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
      where: path,
    }),
  );
  if ('code' in file) return fail(file);
  let bytes = 0;
  let isWhole = false;
  try {
    for await (const line of lines) {
      if (!line.ok) return line;
      await file.writeFile(line.value);
      bytes += Buffer.byteLength(line.value);
    }
    await file.sync();
    isWhole = true;
    return ok({ bytes });
  } finally {
    await file.close();
    if (!isWhole) await rm(path, { force: true });
  }
}
