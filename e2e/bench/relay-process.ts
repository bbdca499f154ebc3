import { join } from 'node:path';
import { startProcess } from '../support/processes.ts';

const PROGRAM = join(import.meta.dirname, 'plain-relay.ts');

/** Starts the plain relay before the server at `port` of this machine. `started` ends it. */
export async function startPlainRelay(
  port: number,
  started: AsyncDisposableStack,
): Promise<{ readonly port: number; readonly pid: number }> {
  const relay = started.use(startProcess(process.execPath, [PROGRAM, String(port)]));
  return { port: Number((await relay.line(/^port (\d+)$/))[1]), pid: relay.pid };
}
