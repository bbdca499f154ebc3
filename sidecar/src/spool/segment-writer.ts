import { join } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { headFrame, segmentName } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';
import { errorText, systemErrorCode } from './system-error.ts';

export type WriteFault = Fault<'SpoolFull' | 'SpoolBroken'>;

/** How much free space a disk that was full must show before it is tried again, besides what waits. */
const FREE_BYTES_MIN = 64 * 1024;

/** Where the written part of the spool ends. Segments below `segment` are final. */
export interface SpoolEnd {
  readonly segment: number;
  readonly offset: number;
}

/** Appends to the segments of one folder: one call, one write. What was not written whole is taken back, so that nothing half stays. */
export class SegmentWriter {
  readonly #folder: string;
  readonly #gateId: string;
  readonly #files: SpoolFiles;
  readonly #segmentBytesMax: number;
  readonly #spoolBytesMax: number;
  #segment: number;
  #file: number | undefined;
  #offset = 0;
  /** Of all segments on disk. */
  #bytes: number;
  #diskFull = false;
  /** Bytes of the last write when it failed. */
  #needed = 0;
  #broken: WriteFault | undefined;

  constructor(options: {
    readonly folder: string;
    readonly gateId: string;
    readonly files: SpoolFiles;
    readonly segmentBytesMax: number;
    readonly spoolBytesMax: number;
    /** The number and the bytes of what is there already. */
    readonly lastSegment: number;
    readonly bytes: number;
  }) {
    this.#folder = options.folder;
    this.#gateId = options.gateId;
    this.#files = options.files;
    this.#segmentBytesMax = options.segmentBytesMax;
    this.#spoolBytesMax = options.spoolBytesMax;
    this.#segment = options.lastSegment + 1;
    this.#bytes = options.bytes;
  }

  get end(): SpoolEnd {
    return { segment: this.#segment, offset: this.#offset };
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `least` more bytes, and what did not fit the last time, may be written. An empty spool takes any one write, so that none waits for ever. */
  hasRoom(least: number): boolean {
    const count = Math.max(least, this.#needed);
    if (this.#broken !== undefined) return false;
    if (this.#diskFull && this.#files.freeBytes(this.#folder) < count + FREE_BYTES_MIN) return false;
    return this.#bytes === 0 || this.#bytes + count <= this.#spoolBytesMax;
  }

  /** Appends all slices, `count` bytes, or nothing. */
  write(slices: readonly Uint8Array[]): Result<void, WriteFault> {
    if (this.#broken !== undefined) return fail(this.#broken);
    const all = this.#file === undefined ? [headFrame(this.#gateId), ...slices] : slices;
    let count = 0;
    for (const slice of all) count += slice.length;
    this.#needed = count;
    if (!this.hasRoom(count)) {
      this.finishSegment();
      return fail(this.#full());
    }
    try {
      this.#append(all, count);
      this.#diskFull = false;
      this.#needed = 0;
      return ok(undefined);
    } catch (error) {
      return fail(this.#takeBack(error));
    }
  }

  /** The next write begins a new segment, so that this one can be deleted once the store has it. */
  finishSegment(): void {
    if (this.#file === undefined) return;
    this.#files.close(this.#file);
    this.#file = undefined;
    this.#segment += 1;
    this.#offset = 0;
  }

  /** A segment was deleted. */
  removed(bytes: number): void {
    this.#bytes -= bytes;
  }

  #append(slices: readonly Uint8Array[], total: number): void {
    this.#file ??= this.#files.create(join(this.#folder, segmentName(this.#segment)));
    const written = this.#files.writev(this.#file, slices);
    if (written !== total) throw new ShortWrite();
    this.#offset += total;
    this.#bytes += total;
    if (this.#offset >= this.#segmentBytesMax) this.finishSegment();
  }

  #takeBack(error: unknown): WriteFault {
    const full = isFull(error);
    try {
      if (this.#file !== undefined) this.#files.truncate(this.#file, this.#offset);
    } catch (second) {
      this.#broken = broken(this.#folder, second);
      return this.#broken;
    }
    this.finishSegment();
    this.#diskFull = full;
    return full ? this.#full() : broken(this.#folder, error);
  }

  #full(): WriteFault {
    const message = this.#diskFull
      ? 'The disk that holds the spool is full.'
      : `The spool holds ${this.#bytes} bytes and may hold ${this.#spoolBytesMax}.`;
    return {
      code: 'SpoolFull',
      message,
      where: this.#folder,
      mend: 'Make room, or see why the store does not take it.',
    };
  }
}

/** Less was written than was given: the disk ran full in the middle. */
class ShortWrite extends Error {}

function isFull(error: unknown): boolean {
  if (error instanceof ShortWrite) return true;
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function broken(folder: string, error: unknown): WriteFault {
  return { code: 'SpoolBroken', message: `The spool cannot be written: ${errorText(error)}.`, where: folder };
}
