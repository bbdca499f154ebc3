import { setTimeout as pause } from 'node:timers/promises';
import { DEADLINE_MS } from './processes.ts';

const RETRY_MS = 20;

interface Patience {
  /** Default: that of all processes. */
  readonly deadlineMs?: number;
  readonly retryMs?: number;
}

/** The first value that `look` gives, asked again and again. Throws `otherwise` at the deadline. */
export async function untilFound<T>(
  otherwise: string,
  look: () => T | undefined | Promise<T | undefined>,
  { deadlineMs = DEADLINE_MS, retryMs = RETRY_MS }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${otherwise} within ${deadlineMs} ms`);
    await pause(retryMs);
  }
}
