import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readKept } from './control-content.ts';
import type { KeptConfiguration } from './control-state.ts';

/**
 * The last configuration that was applied, in a folder that only the gate can read and that lives as long as the pod: a gate that is started
 * again runs on at once, also while its operator is away.
 */
export class LastKnownGood {
  readonly #path: string;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#path = join(folder, 'last-known-good.json');
  }

  /** Undefined when there is none, or none that can be read. `heardMs`: when the operator was last heard, in milliseconds since the epoch. */
  async read(): Promise<{ readonly kept: KeptConfiguration; readonly heardMs: number } | undefined> {
    try {
      return readKept(await readFile(this.#path));
    } catch {
      return undefined;
    }
  }

  /** Replaces it whole: whoever reads sees the one before or this one. The fault is its reason as text. */
  write(kept: KeptConfiguration, heardMs: number): Promise<string | undefined> {
    const written = this.#writing.then(() => this.#write(JSON.stringify({ kept, heardMs })));
    this.#writing = written;
    return written;
  }

  async #write(text: string): Promise<string | undefined> {
    try {
      const draft = await open(`${this.#path}.new`, 'w', 0o600);
      try {
        await draft.writeFile(text);
        await draft.sync();
      } finally {
        await draft.close();
      }
      await rename(`${this.#path}.new`, this.#path);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : 'unknown reason';
    }
  }
}
