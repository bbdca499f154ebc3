import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openChunk } from '@sidegate/session';
import { FRAME_HEAD_BYTES, frameBody } from '../spool/frame.ts';

/** For tests: somebody who looks at what was set aside, and takes it away. */
export class AsideReader {
  readonly #folder: string;
  readonly #events = new Map<string, Map<number, Uint8Array>>();

  constructor(spoolFolder: string) {
    this.#folder = join(spoolFolder, 'aside');
  }

  /** All that was found of a session, by sequence number. */
  events(sessionId: string): ReadonlyMap<number, Uint8Array> {
    return this.#events.get(sessionId) ?? new Map();
  }

  /** Throws when something is aside that is no chunk. */
  take(): void {
    for (const name of this.#names()) {
      const path = join(this.#folder, name);
      const bytes = readFileSync(path);
      let at = 0;
      for (let body = frameBody(bytes, at); body !== undefined; body = frameBody(bytes, at)) {
        at += FRAME_HEAD_BYTES + body.length;
        this.#takeChunk(body);
      }
      if (at !== bytes.length) throw new Error(`${name} is not whole`);
      rmSync(path);
    }
  }

  #takeChunk(bytes: Uint8Array): void {
    const opened = openChunk(bytes);
    if (!opened.ok) throw new Error(opened.fault.message);
    const { sessionId, firstSequence, encodedEvents } = opened.value;
    const events = this.#events.get(sessionId) ?? new Map<number, Uint8Array>();
    this.#events.set(sessionId, events);
    for (const [index, event] of encodedEvents.entries()) events.set(firstSequence + index, event);
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }
}
