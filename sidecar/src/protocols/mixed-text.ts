import { isUtf8 } from 'node:buffer';

/** A byte that is no UTF-8 is this plus itself: half of a pair, which no UTF-8 holds. */
const LONE = 0xdc00;
/** Lower bytes are characters of one byte each. */
const FOREIGN = 0x80;
const [BACKSLASH, LETTER_X, DIGITS] = [0x5c, 0x78, '0123456789abcdef'];
/** A byte as people see it: `\xNN`. */
const SHOWN_LENGTH = 4;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** So many units of a text are rewritten at once: a list of all places of a large value would take a hundred times its size. */
const PIECE_LENGTH = 16 * 1024;

/**
 * Bytes as a text, whatever they are: UTF-8 where they are that, every other byte by itself. So a byte that belongs to nothing hides nothing of the
 * values beside it. `fromMixedText` gives the bytes again.
 */
export function asMixedText(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(view)) return view.toString('utf8');
  // No character has more units than bytes.
  const units = new Uint16Array(view.length);
  let end = 0;
  for (let at = 0; at < view.length; ) {
    const character = characterAt(view, at);
    if (character < 0) {
      units[end++] = LONE + (view[at] ?? 0);
      at += 1;
    } else if (character < 0x10000) {
      units[end++] = character;
      at += character < 0x80 ? 1 : character < 0x800 ? 2 : 3;
    } else {
      units[end++] = 0xd7c0 + (character >> 10);
      units[end++] = LONE + (character & 0x3ff);
      at += 4;
    }
  }
  return textOf(units.subarray(0, end));
}

export function fromMixedText(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text));
  let end = 0;
  for (const piece of piecesOf(text)) {
    let done = 0;
    for (let at = 0; at < piece.length; at++) {
      if (!isLone(piece, at)) continue;
      if (at > done) end += bytes.write(piece.slice(done, at), end);
      bytes[end++] = piece.charCodeAt(at) - LONE;
      done = at + 1;
    }
    end += bytes.write(piece.slice(done), end);
  }
  return bytes.subarray(0, end);
}

/** The same for people: a byte that is no UTF-8 as \xNN. */
export function showMixedText(text: string): string {
  let shown = '';
  for (const piece of piecesOf(text)) shown += showPiece(piece);
  return shown;
}

function showPiece(piece: string): string {
  const units = new Uint16Array(piece.length * SHOWN_LENGTH);
  let end = 0;
  for (let at = 0; at < piece.length; at++) {
    const unit = piece.charCodeAt(at);
    if (!isLone(piece, at)) {
      units[end++] = unit;
      continue;
    }
    units[end++] = BACKSLASH;
    units[end++] = LETTER_X;
    units[end++] = DIGITS.charCodeAt((unit >> 4) & 0xf);
    units[end++] = DIGITS.charCodeAt(unit & 0xf);
  }
  return end === piece.length ? piece : textOf(units.subarray(0, end));
}

/** True for a half that stands for a byte, and is no part of a pair. */
function isLone(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < LONE + FOREIGN || unit > LONE + 0xff) return false;
  return at === 0 || (text.charCodeAt(at - 1) & 0xfc00) !== 0xd800;
}

function textOf(units: Uint16Array): string {
  const bytes = Buffer.from(units.buffer, units.byteOffset, units.byteLength);
  return (IS_LITTLE_ENDIAN ? bytes : bytes.swap16()).toString('utf16le');
}

/** The text in parts, none of which ends within a pair. */
function* piecesOf(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    let end = Math.min(text.length, at + PIECE_LENGTH);
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;
    yield text.slice(at, end);
    at = end;
  }
}

/** The character that begins at a place (RFC 3629, section 4); -1: there is none. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return first;
  if (first < 0xc2 || first > 0xf4) return -1;
  const second = bytes[at + 1] ?? 0;
  if (!follows(second)) return -1;
  if (first < 0xe0) return ((first & 0x1f) << 6) | (second & 0x3f);
  const third = bytes[at + 2] ?? 0;
  if (!follows(third)) return -1;
  if (first < 0xf0) {
    const character = ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
    return character < 0x800 || (character & 0xf800) === 0xd800 ? -1 : character;
  }
  const fourth = bytes[at + 3] ?? 0;
  if (!follows(fourth)) return -1;
  const character = ((first & 0x07) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f);
  return character < 0x10000 || character > 0x10ffff ? -1 : character;
}

function follows(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
