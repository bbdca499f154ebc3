import { createHmac } from 'node:crypto';
import type { MaskWith } from '@sidegate/crds';

/** Kinds of value that have no characters to cover: whatever stands for one must still decode as one. */
export type FixedKind =
  | 'Bool'
  | 'Int2'
  | 'Int4'
  | 'Int8'
  | 'Float4'
  | 'Float8'
  | 'Numeric'
  | 'Money'
  | 'Date'
  | 'Time'
  | 'Timestamp'
  | 'Interval'
  | 'Uuid'
  | 'Oid'
  | 'Address'
  | 'Other';

/** What stands in for a value, in both formats of the wire; undefined in both is NULL. */
export interface FixedReplacement {
  readonly text: string | undefined;
  readonly binary: Uint8Array | undefined;
}

const NULL: FixedReplacement = { text: undefined, binary: undefined };

/**
 * What stands in for a value of a type that is not text. NULL for every mask and kind but one: zero, false or the first of January would be read as
 * true values, and a part of a number is a wrong number. A hashed UUID becomes another UUID (version 8, RFC 9562 section 5.8) made of
 * HMAC-SHA-256 under `key`, so that it can still be grouped and joined by.
 *
 * `canonical` is the value in its text form; for a UUID 32 digits with or without hyphens, in either case.
 */
export function maskFixed(mask: MaskWith, kind: FixedKind, canonical: string, key: Uint8Array): FixedReplacement {
  if (mask.type !== 'Hash' || kind !== 'Uuid') return NULL;
  const digest = createHmac('sha256', key).update(canonical.replaceAll('-', '').toLowerCase(), 'utf8').digest();
  const binary = new Uint8Array(digest.subarray(0, 16));
  binary[6] = 0x80 | ((binary[6] ?? 0) & 0x0f);
  binary[8] = 0x80 | ((binary[8] ?? 0) & 0x3f);
  const hex = Buffer.from(binary).toString('hex');
  const text = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { text, binary };
}
