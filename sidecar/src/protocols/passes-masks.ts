import type { MaskRules } from '@sidegate/policy';

const BACKSLASH = 92;
const VIEW_BYTES_MIN = 64;

/**
 * True only when neither detectors nor JSON fields change anything of the text that the bytes from `start` to `end` are, should it be JSON; false says nothing. JSON can
 * hide content behind escapes, so a text with any is not passed.
 */
export function passesMasks(bytes: Uint8Array, masks: MaskRules, start = 0, end = bytes.length): boolean {
  if (masks.fields.length > 0 || masks.passesContent?.(bytes, start, end) !== true) return false;
  return !hasBackslash(bytes, start, end);
}

/** Most values are short: for these no view is made. */
function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > VIEW_BYTES_MIN) return bytes.subarray(start, end).includes(BACKSLASH);
  for (let at = start; at < end; at += 1) if (bytes[at] === BACKSLASH) return true;
  return false;
}
