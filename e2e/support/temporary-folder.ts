import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one test: gone, with all that is in it, when it is disposed of. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
  /** The path of something in it. */
  file(name: string): string;
  remove(): void;
}

/** Makes an empty folder that only this user may open. The path stays short, so that a Unix socket fits in it (107 bytes). */
export function temporaryFolder(label = 'test'): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `sg-${label}-`));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return { path, file: (name) => join(path, name), remove, [Symbol.dispose]: remove };
}
