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

/** Rewrites rows by a plan. */
export class RowMasker {
  readonly #plan: MaskPlan;
  readonly #masks: MaskRules;
  readonly #utf8: boolean;
  /** Of the row that is being read. */
  readonly #changes: Change[] = [];
  /** Values that the last row lost. */
  maskedValues = 0;

  /** An empty plan knows no column, so every value becomes NULL. */
  constructor(plan: MaskPlan, masks: MaskRules, utf8: boolean) {
    this.#plan = plan;
    this.#masks = masks;
    this.#utf8 = utf8;
  }

  /**
   * The DataRow frame from `start` to `end` with masks applied: the frame itself, as a view, when no value changed; undefined when it is
   * malformed. Of values that pass nothing is made.
   */
  mask(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
    this.maskedValues = 0;
    if (end - start < 7) return undefined;
    const count = readInt16(buffer, start + 5);
    if (count < 0) return undefined;
    this.#changes.length = 0;
    let at = start + 7;
    let length = end - start;
    for (let column = 0; column < count; column++) {
      if (at + 4 > end) return undefined;
      const size = readInt32(buffer, at);
      at += 4;
      if (size < -1 || at + Math.max(size, 0) > end) return undefined;
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
    if (at !== end) return undefined;
    if (this.maskedValues === 0) return buffer.subarray(start, end);
    return write(buffer, start, end, this.#changes, length);
  }
}

/** The frame with other values in the place of some. */
function write(buffer: Uint8Array, start: number, end: number, changes: readonly Change[], length: number): Uint8Array {
  const frame = Buffer.allocUnsafe(length);
  let from = start;
  let to = 0;
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
  frame.writeInt32BE(length - 1, 1);
  return frame;
}

function copy(source: Uint8Array, start: number, end: number, target: Buffer, to: number): number {
  if (Buffer.isBuffer(source)) source.copy(target, to, start, end);
  else target.set(source.subarray(start, end), to);
  return end - start;
}
