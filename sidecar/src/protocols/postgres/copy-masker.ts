import type { MaskRules } from '@sidegate/policy';
import { type ColumnPlan, maskValue } from './mask.ts';

/** A row that never ends is no row: so many bytes are kept at most. */
export const ROW_BYTES_MAX = 64 * 1024 * 1024;

/** What a piece of COPY data becomes. */
export interface MaskedPiece {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly maskedValues: number;
}

/** Rewrites a stream of COPY data, which the server may cut anywhere. Undefined: the data is not what the statement said. */
export interface CopyMasker {
  mask(piece: Uint8Array): MaskedPiece | undefined;
  /** What is left of the last row when the stream is over. */
  end(): MaskedPiece | undefined;
}

/** Masks fields of one row; shared by all formats. */
export class FieldMasker {
  readonly plans: readonly (ColumnPlan | undefined)[];
  readonly #masks: MaskRules;
  readonly utf8: boolean;
  maskedValues = 0;

  constructor(plans: readonly (ColumnPlan | undefined)[], masks: MaskRules, utf8: boolean) {
    this.plans = plans;
    this.#masks = masks;
    this.utf8 = utf8;
  }

  /** The field at `column` as bytes; null is NULL. Columns that the statement did not name are not expected: they become NULL. */
  field(column: number, value: Uint8Array | null): Uint8Array | null {
    if (value === null) return null;
    if (column >= this.plans.length) {
      this.maskedValues++;
      return null;
    }
    const plan = this.plans[column];
    if (plan === undefined) return value;
    const masked = maskValue(plan, value, this.#masks, this.utf8);
    if (masked !== value) this.maskedValues++;
    return masked;
  }
}
