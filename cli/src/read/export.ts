import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { Asciicast, type AsciicastOptions, decodeEvent } from '@sidegate/session';
import type { Given, Terminal } from '../command.ts';
import type { StoreClient } from '../store-client.ts';
import { writeCastFile } from './cast-file.ts';
import { writeChunkFile } from './chunk-file.ts';
import { jsonLine } from './json-line.ts';
import type { ReadCommand } from './read-command.ts';
import { readCommandId, readSeconds } from './replay-options.ts';

/** `sidegate export`: a session's chunks as they are stored, or its terminal for asciinema. */
export const EXPORT: ReadCommand = {
  name: 'export',
  summary:
    'Writes the stored chunks of a session into a file, to be verified anywhere; or its terminal, for asciinema.',
  words: 'SESSION FILE',
  wordCount: { least: 2, most: 2 },
  options: {
    format: {
      type: 'text',
      value: 'FORMAT',
      summary: 'chunks, or asciicast (version 3; SSH only).',
      default: 'chunks',
    },
    command: { type: 'text', value: 'N', summary: 'asciicast: only this command; needed where several ran at once.' },
    input: { type: 'flag', summary: 'asciicast: with what was typed, passwords among it.' },
    'idle-limit': { type: 'text', value: 'SECONDS', summary: 'asciicast: players make no longer pause.' },
  },
  details: `The file must not exist. Check chunks with: sidegate verify --file FILE
Play an asciicast with: asciinema play FILE (asciinema 3), or in a page with its player. It holds what the agent's terminal was sent, as it was.`,
  async work(client, given, terminal) {
    const format = given.text('format') ?? 'chunks';
    if (format === 'chunks') return await exportChunks(client, given, terminal);
    if (format === 'asciicast') return await exportAsciicast(client, given, terminal);
    const message = `${format} is no format.`;
    return { code: 'BadFormat', message, where: '--format', mend: 'Give chunks or asciicast.' };
  },
};

async function exportChunks(client: StoreClient, given: Given, terminal: Terminal): Promise<number | Fault> {
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
}

async function exportAsciicast(client: StoreClient, given: Given, terminal: Terminal): Promise<number | Fault> {
  const [sessionId = '', path = ''] = given.words;
  const options = readOptions(given);
  if (!options.ok) return options.fault;
  async function* lines(cast: Asciicast): AsyncGenerator<Result<string>> {
    for await (const { event } of client.events({ sessionId }, { signal: terminal.signal })) {
      const decoded = decodeEvent(event);
      yield decoded.ok ? cast.add(decoded.value.event) : decoded;
    }
    yield cast.end();
  }
  const written = await writeCastFile(path, lines(new Asciicast(options.value)));
  if (!written.ok) return written.fault;
  const result = { session: sessionId, file: path, bytes: written.value.bytes };
  await terminal.out(given.flag('json') ? jsonLine(result) : `The terminal is in ${path}.\n`);
  return 0;
}

function readOptions(given: Given): Result<AsciicastOptions> {
  const command = readCommandId(given);
  if (!command.ok) return command;
  const idleLimit = readSeconds(given, 'idle-limit');
  if (!idleLimit.ok) return idleLimit;
  if (idleLimit.value === 0) {
    return fail({ code: 'BadSeconds', message: '0 is no limit.', where: '--idle-limit', mend: 'Give more than 0.' });
  }
  return ok({ commandId: command.value, idleLimitS: idleLimit.value, hasInput: given.flag('input') });
}
