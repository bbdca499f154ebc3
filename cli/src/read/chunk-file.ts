import { type FileHandle, open } from 'node:fs/promises';
import { fail, ok, type Result } from '@sidegate/crds';
import { type FileFault, fileFault, writeNewFile } from './new-file.ts';

/** A file of chunks: this line, then each chunk after its length (32 bits, big endian), in order. Sessions may follow one another. */
const MAGIC = Buffer.from('sidegate chunks 1\n');

const LENGTH_BYTES = 4;

/** Longest chunk that is read. */
const CHUNK_BYTES_MAX = 128 * 1024 * 1024;

/** Writes chunks into a new file; see `writeNewFile`. */
export function writeChunkFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Result<{ readonly chunks: number }, FileFault>> {
  return writeNewFile(path, async (file) => {
    let count = 0;
    await file.writeFile(MAGIC);
    for await (const chunk of chunks) {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(chunk.length);
      await file.writeFile(length);
      await file.writeFile(chunk);
      count += 1;
    }
    return ok({ chunks: count });
  });
}

/** Reads the chunks of a file one by one. A file that is no such file, or is cut, ends with the fault. */
export async function* readChunkFile(path: string): AsyncGenerator<Result<Uint8Array, FileFault>> {
  const file = await open(path, 'r').catch((error: unknown) => fileFault(path, error));
  if ('code' in file) {
    yield fail(file);
    return;
  }
  try {
    const magic = await readPart(file, MAGIC.length);
    if (!magic.equals(MAGIC)) {
      yield fail({ code: 'BadFile', message: 'This is no file of chunks.', where: path });
      return;
    }
    for (;;) {
      const length = await readPart(file, LENGTH_BYTES);
      if (length.length === 0) return;
      const chunkBytes = length.length === LENGTH_BYTES ? length.readUInt32BE(0) : Number.POSITIVE_INFINITY;
      const chunk = chunkBytes > CHUNK_BYTES_MAX ? undefined : await readPart(file, chunkBytes);
      if (chunk?.length !== chunkBytes) {
        const message = 'The file ends inside a chunk, or was changed.';
        yield fail({ code: 'BadFile', message, where: path });
        return;
      }
      yield ok(chunk);
    }
  } finally {
    await file.close();
  }
}

/** The next bytes of the file; fewer where it ends. */
async function readPart(file: FileHandle, bytes: number): Promise<Buffer> {
  const part = Buffer.alloc(bytes);
  let read = 0;
  while (read < bytes) {
    const { bytesRead } = await file.read(part, read, bytes - read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return part.subarray(0, read);
}
