import { createHmac } from 'node:crypto';
import { assertNever, type MaskWith } from '@sidegate/crds';
import type { Mask } from '../masking.ts';

/** What stands where a value was. */
export const MASKED = '[masked]';
const KEEP_LAST_DEFAULT = 4;
const HASH_DIGITS = 16;

/**
 * `text` with `mask` applied.
 *
 * - Redact: `[masked]`.
 * - Partial: the last `keepLast` characters (Unicode code points) stay, the rest become `*`, one each. Never more than half of the value stays, and
 *   a value of at most `keepLast` characters is masked whole.
 * - Hash: `hash:` and 16 hexadecimal digits of HMAC-SHA-256 under `key`: equal values stay equal, and nobody without the key can try values.
 * - Null: null.
 *
 * Redact, Partial and Null leave what they made as it is; a hash is hashed again.
 */
export function maskText(mask: MaskWith, text: string, key: Uint8Array): string | null {
  switch (mask.type) {
    case 'Redact':
      return MASKED;
    case 'Partial':
      return keepEnd(text, mask.keepLast ?? KEEP_LAST_DEFAULT);
    case 'Hash':
      return hashText(text, key);
    case 'Null':
      return null;
    default:
      return assertNever(mask.type);
  }
}

/** The stronger of two masks: Null, Redact, Hash, then Partial that keeps less. Of two equal ones the rule with the smaller name, so that order never matters. */
export function strongerMask(a: Mask, b: Mask): Mask {
  const difference = maskStrength(a.with) - maskStrength(b.with);
  if (difference !== 0) return difference > 0 ? a : b;
  return a.rule <= b.rule ? a : b;
}

/** How much a mask takes away, as a number to compare; the larger is the stronger. */
export function maskStrength(mask: MaskWith): number {
  switch (mask.type) {
    case 'Null':
      return 4;
    case 'Redact':
      return 3;
    case 'Hash':
      return 2;
    case 'Partial':
      return 1 / (1 + Math.max(0, mask.keepLast ?? KEEP_LAST_DEFAULT));
    default:
      return assertNever(mask.type);
  }
}

function keepEnd(text: string, keepLast: number): string {
  if (text === MASKED) return text;
  const characters = countCharacters(text);
  const limit = Number.isFinite(keepLast) ? Math.max(0, Math.floor(keepLast)) : 0;
  const kept = characters <= limit ? 0 : Math.min(limit, Math.floor(characters / 2));
  let start = text.length;
  for (let left = kept; left > 0; left -= 1) start -= isPair(text, start - 2) ? 2 : 1;
  return '*'.repeat(characters - kept) + text.slice(start);
}

function countCharacters(text: string): number {
  let count = text.length;
  for (let place = 0; place < text.length - 1; place += 1) {
    if (isPair(text, place)) {
      count -= 1;
      place += 1;
    }
  }
  return count;
}

function isPair(text: string, place: number): boolean {
  return (text.charCodeAt(place) & 0xfc00) === 0xd800 && (text.charCodeAt(place + 1) & 0xfc00) === 0xdc00;
}

function hashText(text: string, key: Uint8Array): string {
  const digest = createHmac('sha256', key).update(text, 'utf8').digest('hex');
  // A run of sixteen decimal digits could itself be taken for a card number, so the window moves on to one with a letter.
  let start = 0;
  while (start < digest.length - HASH_DIGITS && !/[a-f]/.test(digest.slice(start, start + HASH_DIGITS))) start += 1;
  return `hash:${digest.slice(start, start + HASH_DIGITS)}`;
}
