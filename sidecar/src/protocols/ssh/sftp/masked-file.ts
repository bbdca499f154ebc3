import type { MaskRules } from '@sidegate/policy';
import { ByteQueue } from '../byte-queue.ts';
import { StreamMask } from '../stream-mask.ts';
import type { MaskedRecord } from './masked-record.ts';

/** What was given is kept for whoever reads back a little, in bytes. */
export const BEHIND_BYTES = 1024 * 1024;

/** A part of a file as masks show it, or why there is none: it must be awaited; it was let go of; nobody can say what masks would show there. */
export type MaskedPart = Uint8Array | 'Awaited' | 'Passed' | 'Overlong';

/**
 * A file that is read through masks: what they make of it from its start to its end, whatever pieces it is asked for in. Offsets count in what they show. Only a window
 * of it is kept, which moves forward with what is read.
 */
export class MaskedFile {
  readonly masks: MaskRules;
  readonly #mask: StreamMask;
  readonly #shown = new ByteQueue();
  /** Undefined: the record shows the same as the agent sees. */
  readonly #record: MaskedRecord | undefined;
  /** Where what is kept begins. */
  #start = 0;
  /** The end of the file was reached. */
  #isWhole = false;

  constructor(masks: MaskRules, record?: MaskedRecord) {
    this.masks = masks;
    this.#record = record;
    this.#mask = new StreamMask(masks);
  }

  get maskedValues(): number {
    return this.#mask.maskedValues;
  }

  /** What is kept of it, in bytes. */
  get heldBytes(): number {
    return this.#shown.length + this.#mask.keptBytes + (this.#record?.heldBytes ?? 0);
  }

  /** The next of the file as it is. */
  push(bytes: Uint8Array): void {
    // A copy: a view would keep all that came with it.
    const shown = Uint8Array.from(this.#mask.push(bytes));
    this.#shown.push(shown);
    this.#record?.see(bytes, shown, this.#mask.keptBytes);
  }

  /** The file is at its end. */
  end(): void {
    if (this.#isWhole) return;
    this.#isWhole = true;
    const shown = this.#mask.end();
    this.#shown.push(shown);
    this.#record?.seeEnd(shown);
  }

  /** A part, which is shorter, or empty, only at the end of the file. */
  read(offset: number, length: number): MaskedPart {
    if (this.#mask.isOverlong) return 'Overlong';
    if (offset < this.#start) return 'Passed';
    this.#letGoBefore(offset - BEHIND_BYTES);
    const before = offset - this.#start;
    if (!this.#isWhole && before + length > this.#shown.length) return 'Awaited';
    return this.#shown.peek(length, before);
  }

  #letGoBefore(offset: number): void {
    const gone = Math.min(offset - this.#start, this.#shown.length);
    if (gone <= 0) return;
    this.#shown.skip(gone);
    this.#start += gone;
  }
}
