import type { MaskRules } from '@sidegate/policy';

const BACKSLASH = 92;

/**
 * True only when neither detectors nor JSON fields change anything of the text that the bytes are, should it be JSON; false says nothing. JSON can
 * hide content behind escapes, so a text with any is not passed.
 */
export function passesMasks(bytes: Uint8Array, masks: MaskRules): boolean {
  return masks.fields.length === 0 && masks.passesContent?.(bytes) === true && !bytes.includes(BACKSLASH);
}
