import type { MaskRules } from '@sidegate/policy';
import { passesMasks } from '../passes-masks.ts';
import { asLatin1 } from './codec.ts';
import { type Form, formOf } from './value-form.ts';

/** How often each byte of a value of an unknown type may be looked at, as a part of others. */
const LOOKS_MAX = 16;
/** Nothing shorter is content. */
const CONTENT_BYTES_MIN = 6;
const DIMENSIONS_MAX = 6;
const DEPTH_MAX = 16;

type ReadText = (bytes: Uint8Array) => string;

/** A text, or the document that it is: with the fields of JSON masked and content in it, also behind escapes. */
export function maskDocument(text: string, masks: MaskRules): string {
  return /^\s*[[{"]/.test(text) ? masks.maskJson(text) : masks.maskContent(text);
}

/** True when the text of an array or a row may hold an object of JSON, of which nobody knows where its fields are. */
export function hidesJson(text: string): boolean {
  return /"\s*:/.test(text);
}

/** True when JSON in an array or a row holds content only behind its escapes. */
export function isContentEscaped(text: string, masks: MaskRules): boolean {
  if (!text.includes('\\u')) return false;
  const plain = text.replaceAll(/\\+u([\da-fA-F]{4})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return masks.maskContent(plain) !== plain;
}

/**
 * True when content stands in a value of a container type in its binary format: in any part of an array or a row (array_send and record_send of
 * PostgreSQL), and in any other type in whatever has its length before it. A value that is too costly to look through counts as one.
 */
export function holdsContent(value: Uint8Array, masks: MaskRules, read: ReadText, depth = 0): boolean {
  if (depth > DEPTH_MAX || isContent(read(value), masks)) return true;
  const parts = arrayParts(value) ?? rowParts(value);
  if (parts === undefined) return holdsAnywhere(value, masks, read);
  return parts.some(({ form, bytes }) => {
    if (form === 'Fixed' || bytes.length < CONTENT_BYTES_MIN) return false;
    if (form === 'Container') return holdsContent(bytes, masks, read, depth + 1);
    if (form === 'Bytes') return isContent(asLatin1(bytes), masks);
    return isContent(read(form === 'Jsonb' ? bytes.subarray(1) : bytes), masks);
  });
}

function isContent(text: string, masks: MaskRules): boolean {
  return maskDocument(text, masks) !== text || isContentEscaped(text, masks);
}

interface Part {
  readonly form: Form;
  readonly bytes: Uint8Array;
}

/** The elements of an array; undefined when it is none. */
function arrayParts(value: Uint8Array): readonly Part[] | undefined {
  const reader = new PartReader(value);
  const dimensions = reader.int32();
  const hasNulls = reader.int32();
  const form = formOf(reader.int32() >>> 0);
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX || hasNulls < 0 || hasNulls > 1) return undefined;
  let count = dimensions === 0 ? 0 : 1;
  for (let at = 0; at < dimensions; at += 1) {
    count *= reader.int32();
    reader.int32();
  }
  return reader.parts(count, () => form);
}

/** The columns of a row; undefined when it is none. */
function rowParts(value: Uint8Array): readonly Part[] | undefined {
  const reader = new PartReader(value);
  return reader.parts(reader.int32(), () => formOf(reader.int32() >>> 0));
}

class PartReader {
  readonly #value: Buffer;
  #at = 0;

  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.#value = Buffer.from(buffer, byteOffset, length);
  }

  /** -2 when it is cut short. */
  int32(): number {
    this.#at += 4;
    return this.#at <= this.#value.length ? this.#value.readInt32BE(this.#at - 4) : -2;
  }

  /** So many parts, and nothing behind them; undefined otherwise. */
  parts(count: number, formOfNext: () => Form): readonly Part[] | undefined {
    // Each has four bytes at least.
    if (count < 0 || count > this.#value.length / 4) return undefined;
    const parts: Part[] = [];
    for (let at = 0; at < count; at += 1) {
      const form = formOfNext();
      const size = this.int32();
      if (size < -1 || this.#at + Math.max(0, size) > this.#value.length) return undefined;
      if (size < 0) continue;
      parts.push({ form, bytes: this.#value.subarray(this.#at, this.#at + size) });
      this.#at += size;
    }
    return this.#at === this.#value.length ? parts : undefined;
  }
}

/** In what has its length before it, wherever that may stand. */
function holdsAnywhere(value: Uint8Array, masks: MaskRules, read: ReadText): boolean {
  const { length } = value;
  const view = Buffer.from(value.buffer, value.byteOffset, length);
  let looked = 0;
  for (let at = 0; at + 4 + CONTENT_BYTES_MIN <= length; at += 1) {
    const size = view.readUInt32BE(at);
    if (size < CONTENT_BYTES_MIN || size > length - at - 4) continue;
    looked += size;
    if (looked > length * LOOKS_MAX) return true;
    const part = value.subarray(at + 4, at + 4 + size);
    if (!passesMasks(part, masks) && isContent(read(part), masks)) return true;
  }
  return false;
}
