import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder of chunks that were not taken in and must not be lost either: forks, and what does not hold. Equal bytes are kept once;
 * beyond `bytesMax` in all nothing more is kept, so that a gate cannot fill the disk with nonsense.
 */
export class Evidence {
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #names = new Set<string>();
  #bytes = 0;

  constructor(directory: string, bytesMax: number) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      this.#names.add(name);
      this.#bytes += statSync(join(directory, name)).size;
    }
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The name under which the bytes are kept, on disk when it returns; empty when there was no room or the disk failed. */
  keep(kind: string, sessionId: string, sequence: number, bytes: Uint8Array): string {
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    const session = sessionId.replaceAll(/[^A-Za-z0-9-]/gu, '_').slice(0, 64);
    const name = `${kind.toLowerCase()}-${session}-${sequence}-${digest}.chunk`;
    if (this.#names.has(name)) return name;
    if (this.#bytes + bytes.length > this.#bytesMax) return '';
    const path = join(this.#directory, name);
    try {
      const file = openSync(`${path}.part`, 'w', 0o600);
      try {
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.part`, path);
    } catch {
      return '';
    }
    this.#names.add(name);
    this.#bytes += bytes.length;
    return name;
  }
}
