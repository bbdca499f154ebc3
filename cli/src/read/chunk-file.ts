import { type FileHandle, open } from 'node:fs/promises';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** A file of chunks: this line, then each chunk after its length (32 bits, big endian), in order. Sessions may follow one another. */
const MAGIC = Buffer.from('sidegate chunks 1\n');

const LENGTH_BYTES = 4;

/** Longest chunk that is read. */
const CHUNK_BYTES_MAX = 128 * 1024 * 1024;

export type ChunkFileFault = Fault<'BadFile'>;

/** Writes chunks into a new file for its owner alone; on disk when it settles. Fault BadFile: it exists, or cannot be written. */
export async function writeChunkFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Result<{ readonly chunks: number }, ChunkFileFault>> {
  let count = 0;
  const file = await open(path, 'wx', 0o600).catch(asFault(path));
  if ('code' in file) return fail(file);
  try {
    await file.write(MAGIC);
    for await (const chunk of chunks) {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(chunk.length);
      await file.writev([length, chunk]);
      count += 1;
    }
    await file.sync();
    return ok({ chunks: count });
  } finally {
    await file.close();
  }
}

/** Reads the chunks of a file one by one. A file that is no such file, or is cut, ends with the fault. */
export async function* readChunkFile(path: string): AsyncGenerator<Result<Uint8Array, ChunkFileFault>> {
  const file = await open(path, 'r').catch(asFault(path));
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

function asFault(path: string): (error: unknown) => ChunkFileFault {
  return (error) => {
    const reason = error instanceof Error ? error.message : String(error);
    return { code: 'BadFile', message: `The file cannot be used: ${reason}.`, where: path };
  };
}
