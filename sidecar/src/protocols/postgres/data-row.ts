import type { MaskRules } from '@sidegate/policy';
import { readInt16, readInt32 } from './codec.ts';
import { type ColumnPlan, type MaskPlan, maskValue, passes } from './mask.ts';

/** A column that the plan does not know: nothing of it may be seen. */
const UNKNOWN_COLUMN: ColumnPlan = {
  mask: { rule: 'unknown-origin', with: { type: 'Redact' } },
  form: 'Fixed',
  binary: true,
};

/** A value that is replaced, and where it stands. */
interface Change {
  readonly at: number;
  readonly size: number;
  readonly value: Uint8Array | null;
}

/**
 * Where rewritten rows go: one behind the other, so that those of one received buffer are one piece. What was written is never written over.
 */
export class RowOutput {
  bytes: Buffer = Buffer.alloc(0);
  end = 0;

  /** Room for `count` bytes more, behind what is there if it fits. `expected`: what may follow until the buffer that is being read is over. */
  reserve(count: number, expected: number): void {
    if (this.end + count <= this.bytes.length) return;
    this.bytes = Buffer.allocUnsafe(Math.max(count, Math.min(expected, OUTPUT_BYTES_MAX)));
    this.end = 0;
  }

  /** Nothing more comes for now: what was written belongs to whoever got it. */
  release(): void {
    if (this.bytes.length === 0) return;
    this.bytes = NOTHING;
    this.end = 0;
  }
}

const NOTHING = Buffer.alloc(0);
const OUTPUT_BYTES_MAX = 128 * 1024;

/** Rewrites rows by a plan. */
export class RowMasker {
  readonly #plan: MaskPlan;
  readonly #masks: MaskRules;
  readonly #utf8: boolean;
  readonly #output: RowOutput;
  /** The last row with masks applied: the frame itself when no value changed, else a part of the output. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** Of the row that is being read. */
  readonly #changes: Change[] = [];
  /** Values that the last row lost. */
  maskedValues = 0;

  /** An empty plan knows no column, so every value becomes NULL. */
  constructor(plan: MaskPlan, masks: MaskRules, utf8: boolean, output: RowOutput = new RowOutput()) {
    this.#output = output;
    this.#plan = plan;
    this.#masks = masks;
    this.#utf8 = utf8;
  }

  /** The DataRow frame from `start` to `end` with masks applied, as a view; undefined when it is malformed. */
  mask(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
    return this.rewrite(buffer, start, end) ? this.bytes.subarray(this.start, this.end) : undefined;
  }

  /**
   * Applies the masks to the DataRow frame from `start` to `end`: the result stands in `bytes`, `start` and `end`. False when it is malformed. Of
   * values that pass nothing is made.
   */
  rewrite(buffer: Uint8Array, start: number, end: number): boolean {
    this.maskedValues = 0;
    if (end - start < 7) return false;
    const count = readInt16(buffer, start + 5);
    if (count < 0) return false;
    this.#changes.length = 0;
    let at = start + 7;
    let length = end - start;
    for (let column = 0; column < count; column++) {
      if (at + 4 > end) return false;
      const size = readInt32(buffer, at);
      at += 4;
      if (size < -1 || at + Math.max(size, 0) > end) return false;
      if (size < 0) continue;
      const plan = column < this.#plan.length ? this.#plan[column] : UNKNOWN_COLUMN;
      if (plan !== undefined && !passes(plan, buffer, at, at + size, this.#masks)) {
        const original = buffer.subarray(at, at + size);
        const value = maskValue(plan, original, this.#masks, this.#utf8);
        if (value !== original) {
          this.maskedValues++;
          this.#changes.push({ at, size, value });
          length += (value?.length ?? 0) - size;
        }
      }
      at += size;
    }
    if (at !== end) return false;
    if (this.maskedValues === 0) {
      this.bytes = buffer;
      this.start = start;
      this.end = end;
      return true;
    }
    const output = this.#output;
    output.reserve(length, length + buffer.length - end);
    write(buffer, start, end, this.#changes, output.bytes, output.end, length);
    this.bytes = output.bytes;
    this.start = output.end;
    output.end += length;
    this.end = output.end;
    return true;
  }
}

/** Writes the frame with other values in the place of some, `length` bytes, to `place` in `frame`. */
function write(
  buffer: Uint8Array,
  start: number,
  end: number,
  changes: readonly Change[],
  frame: Buffer,
  place: number,
  length: number,
): void {
  let from = start;
  let to = place;
  for (const { at, size, value } of changes) {
    // Up to the length of the value.
    to += copy(buffer, from, at - 4, frame, to);
    to = frame.writeInt32BE(value === null ? -1 : value.length, to);
    if (value !== null) {
      frame.set(value, to);
      to += value.length;
    }
    from = at + size;
  }
  copy(buffer, from, end, frame, to);
  frame.writeInt32BE(length - 1, place + 1);
}

function copy(source: Uint8Array, start: number, end: number, target: Buffer, to: number): number {
  if (Buffer.isBuffer(source)) source.copy(target, to, start, end);
  else target.set(source.subarray(start, end), to);
  return end - start;
}
