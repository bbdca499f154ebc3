import type { MaskRules } from '@sidegate/policy';
import { FRAME, readInt16, readInt32 } from './codec.ts';
import { type ColumnPlan, type MaskPlan, maskValue } from './mask.ts';

/** A column that the plan does not know: nothing of it may be seen. */
const UNKNOWN_COLUMN: ColumnPlan = {
  mask: { rule: 'unknown-origin', with: { type: 'Redact' } },
  form: 'Fixed',
  binary: true,
};

/** Rewrites rows by a plan. */
export class RowMasker {
  readonly #plan: MaskPlan;
  readonly #masks: MaskRules;
  readonly #utf8: boolean;
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
   * malformed.
   */
  mask(buffer: Uint8Array, start: number, end: number): Uint8Array | undefined {
    this.maskedValues = 0;
    if (end - start < 7) return undefined;
    const count = readInt16(buffer, start + 5);
    if (count < 0) return undefined;
    const values: (Uint8Array | null)[] = [];
    let at = start + 7;
    let length = 7;
    for (let column = 0; column < count; column++) {
      if (at + 4 > end) return undefined;
      const size = readInt32(buffer, at);
      at += 4;
      if (size < -1 || at + Math.max(size, 0) > end) return undefined;
      let value: Uint8Array | null = null;
      if (size >= 0) {
        const original = buffer.subarray(at, at + size);
        at += size;
        const plan = column < this.#plan.length ? this.#plan[column] : UNKNOWN_COLUMN;
        value = plan === undefined ? original : maskValue(plan, original, this.#masks, this.#utf8);
        if (value !== original) this.maskedValues++;
      }
      values.push(value);
      length += 4 + (value?.length ?? 0);
    }
    if (at !== end) return undefined;
    if (this.maskedValues === 0) return buffer.subarray(start, end);
    return write(values, length);
  }
}

function write(values: readonly (Uint8Array | null)[], length: number): Uint8Array {
  const frame = Buffer.allocUnsafe(length);
  frame[0] = FRAME.dataRow;
  frame.writeInt32BE(length - 1, 1);
  let at = frame.writeInt16BE((values.length << 16) >> 16, 5);
  for (const value of values) {
    at = frame.writeInt32BE(value === null ? -1 : value.length, at);
    if (value === null) continue;
    frame.set(value, at);
    at += value.length;
  }
  return frame;
}
