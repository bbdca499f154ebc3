import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES, frameHeader, readFrame } from './frame.ts';

/** Where a body stands: `offset` is that of its frame's header, `length` that of the body. */
export interface SegmentPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** What a look over a segment's end found. */
export interface ExaminedSegment {
  readonly frames: readonly SegmentPlace[];
  readonly damaged: readonly SegmentPlace[];
  /** Bytes at the end that are no frame: a write that was cut short. */
  readonly tornBytes: number;
  /** Bytes of the whole file. */
  readonly bytes: number;
}

const NAME = /^(\d{8})\.segment$/;

/**
 * Files that only grow. `append` returns when the bytes are on disk. A file whose write failed, and one that an earlier process
 * left, is never written again: the next append begins a new one. Nothing is ever cut.
 */
export class SegmentLog {
  /** So many bytes of records were read, written or unpacked: whoever collects the garbage of their buffers is told. */
  readonly passed: (bytes: number) => void;
  readonly #directory: string;
  readonly #segmentBytesMax: number;
  readonly #bytes = new Map<number, number>();
  #current: { readonly segment: number; readonly file: FileHandle; bytes: number } | undefined;
  #last = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, segmentBytesMax: number, passed: (bytes: number) => void) {
    this.passed = passed;
    this.#directory = directory;
    this.#segmentBytesMax = segmentBytesMax;
  }

  /**
   * Opens the folder, making it when it is missing. A number up to `lastKnown` is not given again: what is known of a file that is gone must not be taken
   * for what is known of another. Throws what the file system throws.
   */
  static async open(
    directory: string,
    segmentBytesMax: number,
    passed: (bytes: number) => void = () => undefined,
    lastKnown = 0,
  ): Promise<SegmentLog> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const log = new SegmentLog(directory, segmentBytesMax, passed);
    log.#last = lastKnown;
    for (const name of readdirSync(directory)) {
      const segment = Number(NAME.exec(name)?.[1] ?? 0);
      if (segment === 0) continue;
      log.#bytes.set(segment, statSync(join(directory, name)).size);
      log.#last = Math.max(log.#last, segment);
    }
    return log;
  }

  /** Bytes of all segment files. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#bytes.values()) sum += bytes;
    return sum;
  }

  /** All segments, oldest first, with their bytes. */
  get segments(): readonly { readonly segment: number; readonly bytes: number }[] {
    return [...this.#bytes].map(([segment, bytes]) => ({ segment, bytes })).toSorted((a, b) => a.segment - b.segment);
  }

  /** The segment that is being written, if any. */
  get current(): number | undefined {
    return this.#current?.segment;
  }

  /** Writes the bodies with one write and one fsync; either all are on disk or there is a fault. Calls run one after another. */
  append(bodies: readonly Uint8Array[]): Promise<Result<readonly SegmentPlace[], Fault<'StoreBroken'>>> {
    const done = this.#queue.then(() => this.#append(bodies));
    this.#queue = done;
    return done;
  }

  async #append(bodies: readonly Uint8Array[]): Promise<Result<readonly SegmentPlace[], Fault<'StoreBroken'>>> {
    try {
      const current = await this.#writable();
      let offset = current.bytes;
      const places: SegmentPlace[] = [];
      const pieces: Uint8Array[] = [];
      for (const body of bodies) {
        pieces.push(frameHeader(body), body);
        places.push({ segment: current.segment, offset, length: body.length });
        offset += FRAME_HEADER_BYTES + body.length;
      }
      const bytes = Buffer.concat(pieces);
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await current.file.write(
          bytes,
          written,
          bytes.length - written,
          current.bytes + written,
        );
        written += bytesWritten;
      }
      await current.file.datasync();
      current.bytes = offset;
      this.#bytes.set(current.segment, offset);
      return ok(places);
    } catch (error) {
      await this.#abandon();
      const reason = error instanceof Error ? error.message : String(error);
      return fail({ code: 'StoreBroken', message: `Segments cannot be written: ${reason}.`, where: this.#directory });
    }
  }

  async #writable(): Promise<{ readonly segment: number; readonly file: FileHandle; bytes: number }> {
    if (this.#current !== undefined && this.#current.bytes < this.#segmentBytesMax) return this.#current;
    await this.#abandon();
    const segment = this.#last + 1;
    const file = await open(this.#path(segment), 'wx', 0o600);
    this.#last = segment;
    this.#bytes.set(segment, 0);
    this.#current = { segment, file, bytes: 0 };
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return this.#current;
  }

  /** Lets the current file be; what a failed write left there counts as its bytes. */
  async #abandon(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    try {
      this.#bytes.set(current.segment, (await current.file.stat()).size);
      await current.file.close();
    } catch {
      // The file is given up already; its descriptor goes with the process.
    }
  }

  /** The next append begins a new file. */
  seal(): Promise<void> {
    const done = this.#queue.then(() => this.#abandon());
    this.#queue = done;
    return done;
  }

  /** The body that stands at `place`. Fault Damaged: the file is gone, short, or its bytes changed. */
  read(place: SegmentPlace): Result<Uint8Array, Fault<'Damaged'>> {
    const where = `${this.#path(place.segment)} at ${place.offset}`;
    try {
      const descriptor = openSync(this.#path(place.segment), 'r');
      try {
        const bytes = Buffer.alloc(FRAME_HEADER_BYTES + place.length);
        readWhole(descriptor, bytes, place.offset);
        this.passed(bytes.length);
        const reading = readFrame(bytes);
        if (reading.kind === 'Frame' && reading.body.length === place.length) return ok(reading.body);
        return fail({ code: 'Damaged', message: 'The stored bytes changed.', where });
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return fail({ code: 'Damaged', message: `The stored bytes cannot be read: ${reason}.`, where });
    }
  }

  /** Where the frames before `end` stand, by their headers alone, as far as these can be read. */
  *places(segment: number, end: number): Generator<SegmentPlace> {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(this.#path(segment), 'r');
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      for (let offset = 0; offset + FRAME_HEADER_BYTES <= end; ) {
        readWhole(descriptor, header, offset);
        const length = header.readUInt32BE(0);
        if (length === 0 || offset + FRAME_HEADER_BYTES + length > end) return;
        yield { segment, offset, length };
        offset += FRAME_HEADER_BYTES + length;
      }
    } catch {
      // It is gone, or shorter than it was: who reads what should stand there is told.
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  /** All frames of a segment from `offset` on, up to where a write was cut short. Throws what the file system throws. */
  examine(segment: number, offset: number): ExaminedSegment {
    const descriptor = openSync(this.#path(segment), 'r');
    try {
      const { size } = fstatSync(descriptor);
      const frames: SegmentPlace[] = [];
      const damaged: SegmentPlace[] = [];
      let at = offset;
      while (at < size) {
        const header = Buffer.alloc(FRAME_HEADER_BYTES);
        if (size - at < FRAME_HEADER_BYTES) break;
        readWhole(descriptor, header, at);
        const length = header.readUInt32BE(0);
        if (length > Math.min(FRAME_BODY_BYTES_MAX, size - at - FRAME_HEADER_BYTES)) break;
        const bytes = Buffer.alloc(FRAME_HEADER_BYTES + length);
        readWhole(descriptor, bytes, at);
        const reading = readFrame(bytes);
        if (reading.kind === 'Torn') break;
        const place = { segment, offset: at, length };
        (reading.kind === 'Frame' ? frames : damaged).push(place);
        at += FRAME_HEADER_BYTES + length;
      }
      return { frames, damaged, tornBytes: size - at, bytes: size };
    } finally {
      closeSync(descriptor);
    }
  }

  /** Takes a segment away. The one that is being written cannot be. */
  async remove(segment: number): Promise<void> {
    if (segment === this.#current?.segment) throw new Error(`segment ${segment} is being written`);
    await unlink(this.#path(segment));
    this.#bytes.delete(segment);
  }

  /** Waits for appends that run, then closes the file. */
  close(): Promise<void> {
    return this.seal();
  }

  #path(segment: number): string {
    return join(this.#directory, `${String(segment).padStart(8, '0')}.segment`);
  }
}

function readWhole(descriptor: number, target: Uint8Array, position: number): void {
  for (let read = 0; read < target.length; ) {
    const bytes = readSync(descriptor, target, read, target.length - read, position + read);
    if (bytes === 0) throw new Error('the file is shorter than it was');
    read += bytes;
  }
}
