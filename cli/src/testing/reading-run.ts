import { encodeEvent, type SessionEvent } from '@sidegate/session';
import { COMMANDS } from '../commands.ts';
import { runProgram } from '../program.ts';
import { serveReader } from './reader-socket.ts';
import { TestTerminal } from './test-terminal.ts';

/** Runs the program with these words before a store whose only session has these events. */
export async function runReading(
  events: readonly SessionEvent[],
  words: readonly string[],
  columns?: number,
): Promise<{ readonly exitCode: number; readonly terminal: TestTerminal }> {
  const socket = await serveReader({
    async *events() {
      for (const [at, event] of events.entries()) yield { sequence: BigInt(at + 1), event: encodeEvent(at + 1, event) };
    },
  });
  try {
    const terminal = new TestTerminal({}, columns);
    const exitCode = await runProgram(COMMANDS, [...words, '--socket', socket.path], terminal);
    return { exitCode, terminal };
  } finally {
    await socket.close();
  }
}
