import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Terminal } from './command.ts';
import { COMMANDS } from './commands.ts';
import { runProgram } from './program.ts';
import { printable } from './read/printable.ts';

const stopping = new AbortController();
let readerGone = false;

const terminal: Terminal = {
  out: async (text) => {
    if (readerGone || process.stdout.write(text)) return;
    await once(process.stdout, 'drain', { signal: stopping.signal }).catch(() => undefined);
  },
  // What went wrong may be told in the words of a server, a file or a record.
  err: (line) => void process.stderr.write(`${printable(line, 'keep')}\n`),
  pause: (milliseconds) => setTimeout(milliseconds, undefined, { signal: stopping.signal }).catch(() => undefined),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  environment: process.env,
  signal: stopping.signal,
};

// The reader of our output went away (`| head`): there is nobody left to tell.
process.stdout.on('error', () => {
  readerGone = true;
  stopping.abort();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second time there is no more patience.
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
  });
}

try {
  process.exitCode = await runProgram(COMMANDS, process.argv.slice(2), terminal);
} catch (error) {
  process.stderr.write(`sidegate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
