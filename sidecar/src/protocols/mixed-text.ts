import { isUtf8 } from 'node:buffer';

/** A byte that is no UTF-8 is this plus itself: half of a pair, which no UTF-8 holds. */
const LONE = 0xdc00;
/** Halves without their other half alone. */
const LONE_BYTES = /[\udc80-\udcff]/gu;
const FOREIGN = 0x80;

/**
 * Bytes as a text, whatever they are: UTF-8 where they are that, every other byte by itself. So a byte that belongs to nothing hides nothing of the
 * values beside it. `fromMixedText` gives the bytes again.
 */
export function asMixedText(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(view)) return view.toString('utf8');
  let text = '';
  let done = 0;
  for (let at = 0; at < view.length; ) {
    const length = characterLength(view, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += view.toString('utf8', done, at) + String.fromCharCode(LONE + (view[at] ?? 0));
    at += 1;
    done = at;
  }
  return text + view.toString('utf8', done);
}

export function fromMixedText(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let done = 0;
  for (const { index } of text.matchAll(LONE_BYTES)) {
    parts.push(Buffer.from(text.slice(done, index)), Buffer.of(text.charCodeAt(index) - LONE));
    done = index + 1;
  }
  return parts.length === 0 ? Buffer.from(text) : Buffer.concat([...parts, Buffer.from(text.slice(done))]);
}

/** The same for people: a byte that is no UTF-8 as \xNN. */
export function showMixedText(text: string): string {
  return text.replaceAll(LONE_BYTES, (half) => `\\x${(half.charCodeAt(0) - LONE).toString(16)}`);
}

/** How many bytes the character at a place has (RFC 3629, section 4); 0: there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < FOREIGN) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  return first >= 0xc2 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
