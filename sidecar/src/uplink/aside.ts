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

  constructor(spoolFolder: string, bytesMax: number) {
    this.#folder = join(spoolFolder, 'aside');
    this.#bytesMax = bytesMax;
    this.#bytes = bytesOf(this.#folder);
  }

  /** Looks again how much is there: people take away what they have looked at. */
  measure(): void {
    this.#bytes = bytesOf(this.#folder);
  }

  /** False when there is no room: then the spool has to keep it. */
  keep(sessionId: string, chunk: Uint8Array): boolean {
    const frame = frameOf(chunk);
    if (this.#bytes + frame.length > this.#bytesMax) return false;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      appendWhole(join(this.#folder, `${encodeURIComponent(sessionId)}.chunks`), frame);
    } catch {
      // Nothing is lost with a disk that takes nothing, and what the store does take must not wait for it.
      return false;
    }
    this.#bytes += frame.length;
    return true;
  }

  /** Keeps a copy of a segment for people to look at. */
  keepSegment(spoolFolder: string, name: string, bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) return;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      copyFileSync(join(spoolFolder, name), join(this.#folder, name));
      this.#bytes += bytes;
    } catch {
      // There is no room for a copy; the notice says what was lost.
    }
  }
}

/** Throws when the disk is full, and then leaves the file as it was: half a frame would hide the ones after it. */
function appendWhole(path: string, frame: Uint8Array): void {
  const file = openSync(path, 'a', 0o600);
  const { size } = fstatSync(file);
  try {
    let written = 0;
    while (written < frame.length) written += writeSync(file, frame, written);
  } catch (error) {
    ftruncateSync(file, size);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Of all files in `folder`; 0 when it cannot be read, as when there is none yet. */
function bytesOf(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return 0;
  }
}
