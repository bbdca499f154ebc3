import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statfsSync, writeSync, writevSync } from 'node:fs';

/** What the spool needs of the file system; `node:fs` but for tests. */
export interface SpoolFiles {
  /** A new file, for appending. */
  create(path: string): number;
  writev(file: number, slices: readonly Uint8Array[]): number;
  truncate(file: number, bytes: number): void;
  close(file: number): void;
  /** Bytes that can still be written to the file system of `folder`. */
  freeBytes(folder: string): number;
  /** A file that is there, for reading. */
  open(path: string): number;
  /** Of an open file, in bytes. */
  size(file: number): number;
  /** Fills `into`, or its beginning, with what the file holds from `position` on; returns how many bytes that were. */
  read(file: number, into: Uint8Array, position: number): number;
}

export const NODE_FILES: SpoolFiles = {
  create: (path) => openSync(path, 'ax', 0o600),
  writev: (file, slices) => {
    const [only] = slices;
    return only !== undefined && slices.length === 1 ? writeSync(file, only) : writevSync(file, slices);
  },
  truncate: (file, bytes) => ftruncateSync(file, bytes),
  close: (file) => closeSync(file),
  freeBytes: (folder) => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  },
  open: (path) => openSync(path, 'r'),
  size: (file) => fstatSync(file).size,
  read: (file, into, position) => readSync(file, into, 0, into.length, position),
};
