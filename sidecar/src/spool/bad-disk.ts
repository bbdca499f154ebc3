import { basename } from 'node:path';
import { segmentNumber } from './segment.ts';
import { NODE_FILES, type SpoolFiles } from './spool-files.ts';

/** For tests: a disk that gives read errors. */
export class BadDisk {
  /** By the number of a segment, from which byte on it cannot be read. */
  readonly bad = new Map<number, number>();
  readonly #open = new Map<number, number>();

  readonly files: SpoolFiles = {
    ...NODE_FILES,
    open: (path) => {
      const file = NODE_FILES.open(path);
      this.#open.set(file, segmentNumber(basename(path)) ?? 0);
      return file;
    },
    read: (file, into, position) => {
      const from = this.bad.get(this.#open.get(file) ?? 0) ?? Number.POSITIVE_INFINITY;
      if (position >= from) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      // What is before the bad place is given first, as Linux does.
      return NODE_FILES.read(file, into.subarray(0, from - position), position);
    },
  };
}
