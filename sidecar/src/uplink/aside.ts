import {
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { frameOf } from '../spool/frame.ts';

/**
 * Keeps what cannot go to the store: chunks that it will not take (one file a session, a row of frames, each with one chunk), and
 * segments that are damaged.
 */
export class Aside {
  readonly #folder: string;
  readonly #bytesMax: number;
  #bytes: number;

  /** Throws when the folder cannot be used. */
  constructor(spoolFolder: string, bytesMax: number) {
    this.#folder = join(spoolFolder, 'aside');
    this.#bytesMax = bytesMax;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#bytes = readdirSync(this.#folder).reduce((sum, name) => sum + statSync(join(this.#folder, name)).size, 0);
  }

  /** False when there is no room: then the spool has to keep it. */
  keep(sessionId: string, chunk: Uint8Array): boolean {
    const frame = frameOf(chunk);
    if (this.#bytes + frame.length > this.#bytesMax) return false;
    const path = join(this.#folder, `${encodeURIComponent(sessionId)}.chunks`);
    const file = openSync(path, 'a', 0o600);
    const { size } = fstatSync(file);
    try {
      let written = 0;
      while (written < frame.length) written += writeSync(file, frame, written);
    } catch {
      // The disk is full: half a frame would hide the ones after it.
      ftruncateSync(file, size);
      return false;
    } finally {
      closeSync(file);
    }
    this.#bytes += frame.length;
    return true;
  }

  /** Keeps a copy of a segment for people to look at. */
  keepSegment(spoolFolder: string, name: string, bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) return;
    try {
      copyFileSync(join(spoolFolder, name), join(this.#folder, name));
      this.#bytes += bytes;
    } catch {
      // There is no room for a copy; the notice says what was lost.
    }
  }
}
