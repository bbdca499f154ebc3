import type { DetectorName, MaskWith } from '@sidegate/crds';

/** A mask in force on one value, and the rule that put it there. */
export interface Mask {
  readonly rule: string;
  readonly with: MaskWith;
}

/** Masks on the values of keys. Names are compared exactly, as Redis does. */
export interface KeyMasks {
  /** The strongest mask on the value of a key, or on one field of it. Without `field`: only a mask on the whole value. */
  mask(key: string, field?: string): Mask | undefined;
  /** The strongest mask on the key or on any field of it; of a pattern: on any key that it may match. */
  any(key: string, isPattern: boolean): Mask | undefined;
}

/** All masks in force in one session; immutable, made anew when the bundle changes. */
export interface MaskRules {
  /** True when nothing is masked at all: the fast path. */
  readonly empty: boolean;
  /** One for each set of masks that these are made of: equal for sets that mask alike, however often a bundle is compiled. Absent: not known. */
  readonly digests?: readonly string[];
  /** True when any base column is masked: then a value of unknown origin is redacted. False: only contents and fields are looked for. */
  readonly columns: boolean;
  /** The strongest mask on a base column, or undefined. Unknown schema (empty string) matches every pattern's schema. */
  columnMask(schema: string, table: string, column: string): Mask | undefined;
  /** True when any column of the table is masked. */
  masksTable(schema: string, table: string): boolean;
  /** Masks on keys of Redis; absent when there are none. */
  readonly keys?: KeyMasks;
  /** JSON paths to mask inside json/jsonb values. */
  readonly fields: readonly { readonly path: string; readonly mask: Mask }[];
  /** Content detectors in force, each with its strongest mask. */
  readonly detect: readonly { readonly detector: DetectorName; readonly mask: Mask }[];
  /** The strongest mask of all: what stands in for a value of unknown origin. */
  readonly unknownOrigin: Mask;
  /** The value with `mask` applied: null for Null. Redact gives `[masked]`; Hash is keyed, so guessable values cannot be tried. */
  maskValue(mask: Mask, text: string): string | null;
  /** The text with every find of the detectors masked in place; the same string object when nothing was found. */
  maskContent(text: string): string;
  /**
   * True only when `maskContent` would change nothing of the text that the bytes from `start` to `end` are, default all of them, whatever their
   * encoding; false says nothing. Saves the text.
   */
  readonly passesContent?: (bytes: Uint8Array, start?: number, end?: number) => boolean;
  /** The text with JSON fields masked, then detectors; a text that is no JSON counts as content only. */
  maskJson(text: string): string;
}
