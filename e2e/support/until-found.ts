import { setTimeout as pause } from 'node:timers/promises';
import { DEADLINE_MS } from './processes.ts';

const RETRY_MS = 20;

/** The first value that `look` gives, asked again and again. Throws `otherwise` at the deadline. */
export async function untilFound<T>(otherwise: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${otherwise} within ${DEADLINE_MS} ms`);
    await pause(RETRY_MS);
  }
}
