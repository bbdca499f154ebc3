import { join } from 'node:path';
import { FRAME_HEAD_BYTES, frameBody, frameBodyBytes } from './frame.ts';
import { RunReader, readEntry, type SegmentEntry, segmentName } from './segment.ts';
import { NODE_FILES, type SpoolFiles } from './spool-files.ts';

const BLOCK_BYTES = 256 * 1024;

/** Reads the entries of one segment, in order, a block at a time. What an entry holds of a block is there until the next call. */
export class SegmentReader {
  readonly number: number;
  readonly #files: SpoolFiles;
  readonly #file: number;
  /** One block for all that is read: a new one for each would be garbage faster than it is collected. */
  #room = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** What of it was read. */
  #block = this.#room.subarray(0, 0);
  /** Where in the file the block begins, and where in the block the next frame does. */
  #blockAt = 0;
  #at = 0;
  /** The run that is being read; it stands at `#at`, and is passed with its last event. */
  #run: RunReader | undefined;
  #runBytes = 0;

  /** Throws when the file cannot be opened. */
  constructor(folder: string, number: number, files: SpoolFiles = NODE_FILES) {
    this.number = number;
    this.#files = files;
    this.#file = files.open(join(folder, segmentName(number)));
  }

  /** Up to where whole entries were read, in bytes from the beginning of the file. */
  get offset(): number {
    return this.#blockAt + this.#at;
  }

  get fileBytes(): number {
    return this.#files.size(this.#file);
  }

  /** The next whole entry that ends at or before `end`; undefined when there is none, or when it makes no sense. Throws when it cannot be read. */
  next(end: number): SegmentEntry | undefined {
    if (this.#run !== undefined) return this.#nextOfRun(this.#run);
    const body = this.#body(end);
    if (body === undefined) return undefined;
    const run = RunReader.open(body);
    if (run !== undefined) {
      this.#run = run;
      this.#runBytes = FRAME_HEAD_BYTES + body.length;
      return this.#nextOfRun(run);
    }
    const entry = readEntry(body);
    if (!entry.ok) return undefined;
    this.#at += FRAME_HEAD_BYTES + body.length;
    return entry.value;
  }

  #nextOfRun(run: RunReader): SegmentEntry | undefined {
    const entry = run.next();
    if (entry !== undefined && run.isOver) {
      this.#run = undefined;
      this.#at += this.#runBytes;
    }
    return entry;
  }

  /** Of what `next` does not read before `end`, not even one frame is all there. */
  endsShort(end: number): boolean {
    const left = end - this.offset;
    if (left < FRAME_HEAD_BYTES) return true;
    this.#read(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES);
    return FRAME_HEAD_BYTES + (frameBodyBytes(this.#block, 0) ?? 0) > left;
  }

  close(): void {
    this.#files.close(this.#file);
  }

  #body(end: number): Buffer | undefined {
    const held = frameBody(this.#block, this.#at);
    if (held !== undefined && this.offset + FRAME_HEAD_BYTES + held.length <= end) return held;
    const left = end - this.offset;
    if (left < FRAME_HEAD_BYTES) return undefined;
    this.#read(Math.min(left, BLOCK_BYTES), FRAME_HEAD_BYTES);
    const needed = FRAME_HEAD_BYTES + (frameBodyBytes(this.#block, 0) ?? 0);
    if (needed > left) return undefined;
    if (needed > this.#block.length) this.#read(needed, needed);
    return frameBody(this.#block, 0);
  }

  /**
   * Reads on until the block holds `count` bytes from the next frame on, or all that there are. Throws when it cannot hold even `least` of
   * them: what stands before a bad place is as good as any.
   */
  #read(count: number, least: number): void {
    const old = this.#block.subarray(this.#at);
    if (count > this.#room.length) this.#room = Buffer.allocUnsafeSlow(count);
    old.copy(this.#room);
    this.#blockAt += this.#at;
    this.#at = 0;
    let filled = old.length;
    try {
      while (filled < count) {
        const got = this.#files.read(this.#file, this.#room.subarray(filled, count), this.#blockAt + filled);
        if (got === 0) break;
        filled += got;
      }
    } catch (error) {
      if (filled < least) throw error;
    } finally {
      this.#block = this.#room.subarray(0, filled);
    }
  }
}
