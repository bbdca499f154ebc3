import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often the folder is looked at although nothing was heard of it, in milliseconds: watching may miss what a network drive does. */
const POLL_MS = 2_000;
/** Content counts as written when it has stayed the same for so long, in milliseconds. */
const SETTLE_MS = 100;
/** A file that never comes to rest is looked at all the same after this many rounds. */
const SETTLE_ROUNDS_MAX = 50;

export interface FolderWatchOptions {
  /** A folder, or one file. */
  readonly path: string;
  /** A short text that is equal exactly when the content is. */
  readonly look: () => Promise<string>;
  /** The content has come to rest and is another than before. The next change is told once this is done. */
  readonly changed: () => Promise<void>;
  /** What `look` gave before the watch began. */
  readonly from: string;
  readonly signal: AbortSignal;
}

/** Watches until the signal aborts. Editors that write beside the file and rename are followed: what counts is the content. */
export async function watchFolder(options: FolderWatchOptions): Promise<void> {
  const { look, changed, signal } = options;
  const bell = new Bell();
  const watcher = await listen(options.path, () => bell.ring());
  let seen = options.from;
  try {
    while (!signal.aborted) {
      await bell.wait(POLL_MS, signal);
      if (signal.aborted) return;
      const now = await look();
      if (now === seen) continue;
      seen = await settle(now, look, signal);
      if (!signal.aborted) await changed();
    }
  } finally {
    watcher?.close();
  }
}

async function settle(first: string, look: () => Promise<string>, signal: AbortSignal): Promise<string> {
  let before = first;
  for (let round = 0; round < SETTLE_ROUNDS_MAX && !signal.aborted; round++) {
    await sleep(SETTLE_MS);
    const now = await look();
    if (now === before) return now;
    before = now;
  }
  return before;
}

/** Undefined where the system cannot watch: then only the poll finds changes. */
async function listen(path: string, heard: () => void): Promise<FSWatcher | undefined> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const watcher = watch(isFolder ? path : dirname(path), heard);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

/** Rung any number of times, it wakes the next wait once. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        signal.addEventListener('abort', done);
        this.#wake = done;
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}
