import { writeChunkFile } from './chunk-file.ts';
import { jsonLine } from './json-line.ts';
import type { ReadCommand } from './read-command.ts';

/** `sidegate export`: a session's chunks as they are stored. */
export const EXPORT: ReadCommand = {
  name: 'export',
  summary: 'Writes the stored chunks of a session into a file, to be verified anywhere.',
  words: 'SESSION FILE',
  wordCount: { least: 2, most: 2 },
  options: {},
  details: 'The file must not exist. Check it with: sidegate verify --file FILE',
  async work(client, given, terminal) {
    const [sessionId = '', path = ''] = given.words;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      // Asked for only once the file is there to take them.
      for await (const { chunk } of client.chunks({ sessionId }, { signal: terminal.signal })) yield chunk;
    }
    const written = await writeChunkFile(path, chunks());
    if (!written.ok) return written.fault;
    const result = { session: sessionId, file: path, chunks: written.value.chunks };
    await terminal.out(given.flag('json') ? jsonLine(result) : `${result.chunks} chunks are in ${path}.\n`);
    return 0;
  },
};
