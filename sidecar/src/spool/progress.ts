import { closeSync, fdatasyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FRAME_HEAD_BYTES, frameBody, frameOf } from './frame.ts';
import { systemErrorCode } from './system-error.ts';

/** How far one session has come on its way to the store. */
export interface SessionProgress {
  readonly sessionId: string;
  readonly gateId: string;
  /** The last event that the store has acknowledged; 0: none. */
  readonly acked: number;
  /** The hash of the chunk that ends with `acked`, in hex; empty: none. */
  readonly sha256: string;
  /** The last event of a chunk that begins after `acked` and may have been sent; 0: none. It must be made the same again. */
  readonly sealed: number;
  /** `acked` is the session's Closed. */
  readonly closed: boolean;
  /** The store will not take this session's record; what is left of it goes to the folder `aside`. */
  readonly refused: boolean;
}

const FILE = 'progress';
const COMPACTION_BYTES = 4 * 1024 * 1024;

/** What the last process wrote about each session that was not finished. Never throws on what is in the file. */
export function readProgress(folder: string): Map<string, SessionProgress> {
  const sessions = new Map<string, SessionProgress>();
  const bytes = readIfThere(join(folder, FILE));
  let at = 0;
  for (let body = frameBody(bytes, at); body !== undefined; body = frameBody(bytes, at)) {
    at += FRAME_HEAD_BYTES + body.length;
    const progress = progressOf(body.toString('utf8'));
    if (progress !== undefined) sessions.set(progress.sessionId, progress);
  }
  return sessions;
}

/**
 * Keeps the progress of all sessions on disk: a row of frames, the newest word about a session counts, and the file is written anew
 * when it has grown. A line is written before what it speaks of is done, so a killed process leaves at least what it has begun. When
 * the disk is full, nothing is written and it is tried again with the next line: the store then tells duplicates from news.
 */
export class ProgressJournal {
  readonly #folder: string;
  readonly #sessions: Map<string, SessionProgress>;
  /** Undefined while the file does not hold everything. */
  #file: number | undefined;
  #bytes = 0;
  #dirty = false;

  constructor(folder: string, sessions: Map<string, SessionProgress>) {
    this.#folder = folder;
    this.#sessions = sessions;
    this.#writeAnew();
  }

  get sessions(): ReadonlyMap<string, SessionProgress> {
    return this.#sessions;
  }

  write(progress: SessionProgress): void {
    this.#sessions.set(progress.sessionId, progress);
    if (this.#file === undefined || this.#bytes > COMPACTION_BYTES) return this.#writeAnew();
    const frame = frameOf(Buffer.from(JSON.stringify(progress)));
    try {
      writeWhole(this.#file, frame);
      this.#bytes += frame.length;
      this.#dirty = true;
    } catch {
      this.#writeAnew();
    }
  }

  /** The session is over and nothing of it is left in the spool. */
  forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  /** After this, what was written survives even a machine that stops. */
  sync(): void {
    if (this.#file === undefined) return this.#writeAnew();
    if (this.#dirty) fdatasyncSync(this.#file);
    this.#dirty = false;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The new file takes the old one's place only when it is whole. */
  #writeAnew(): void {
    this.close();
    const path = join(this.#folder, FILE);
    const frames = [...this.#sessions.values()].map((progress) => frameOf(Buffer.from(JSON.stringify(progress))));
    let file: number | undefined;
    try {
      file = openSync(`${path}.new`, 'w', 0o600);
      writeWhole(file, Buffer.concat(frames));
      fdatasyncSync(file);
      renameSync(`${path}.new`, path);
      this.#file = file;
      this.#bytes = 0;
      this.#dirty = false;
    } catch {
      if (file !== undefined) closeSync(file);
    }
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(file, bytes, written);
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

function progressOf(text: string): SessionProgress | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isProgress(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isProgress(value: unknown): value is SessionProgress {
  const kinds = {
    sessionId: 'string',
    gateId: 'string',
    acked: 'number',
    sha256: 'string',
    sealed: 'number',
    closed: 'boolean',
    refused: 'boolean',
  };
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  return Object.entries(kinds).every(([name, kind]) => typeof fields.get(name) === kind);
}
