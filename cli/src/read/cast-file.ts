import { ok, type Result } from '@sidegate/crds';
import { writeNewFile } from './new-file.ts';

/** Writes lines into a new file; see `writeNewFile`. A fault among them leaves no file. */
export function writeCastFile(
  path: string,
  lines: AsyncIterable<Result<string>>,
): Promise<Result<{ readonly bytes: number }>> {
  return writeNewFile(path, async (file) => {
    let bytes = 0;
    for await (const line of lines) {
      if (!line.ok) return line;
      await file.writeFile(line.value);
      bytes += Buffer.byteLength(line.value);
    }
    return ok({ bytes });
  });
}
