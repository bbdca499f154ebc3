/**
 * SASLprep (RFC 4013) of a password as PostgreSQL does it: when the text holds a character that the profile prohibits, the password
 * is used as it is, so that servers and clients with odd passwords still agree.
 */

type Ranges = readonly (readonly [first: number, last: number])[];

/** RFC 3454 table B.1: mapped to nothing. */
const TO_NOTHING: Ranges = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x1806, 0x1806],
  [0x180b, 0x180d],
  [0x200b, 0x200d],
  [0x2060, 0x2060],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
];
/** Table C.1.2: spaces that are not ASCII become one. */
const TO_SPACE: Ranges = [
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200b],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];
/** Tables C.2.1, C.2.2 and C.3 to C.9. */
const PROHIBITED: Ranges = [
  [0, 0x1f],
  [0x7f, 0x9f],
  [0x340, 0x341],
  [0x6dd, 0x6dd],
  [0x70f, 0x70f],
  [0x180e, 0x180e],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2061, 0x2063],
  [0x206a, 0x206f],
  [0x2ff0, 0x2ffb],
  [0xd800, 0xf8ff],
  [0xfdd0, 0xfdef],
  [0xfff9, 0xffff],
  [0x1d173, 0x1d17a],
  [0x1fffe, 0x1ffff],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
  [0xf0000, 0x10ffff],
];
/** Table D.1, near enough: the scripts that run from right to left. */
const RIGHT_TO_LEFT: Ranges = [
  [0x5be, 0x5be],
  [0x5c0, 0x5c0],
  [0x5c3, 0x5c3],
  [0x5d0, 0x5f4],
  [0x61b, 0x64a],
  [0x66d, 0x6d5],
  [0x6e5, 0x6e6],
  [0x6fa, 0x7b1],
  [0xfb1d, 0xfdfc],
  [0xfe70, 0xfefc],
];
const LETTER = /\p{L}/u;

function within(ranges: Ranges, code: number): boolean {
  return ranges.some(([first, last]) => code >= first && code <= last);
}

/** The password in the form that is hashed. */
export function saslPrep(password: string): string {
  if (/^[\u0020-\u007e]*$/u.test(password)) return password;
  let mapped = '';
  for (const character of password) {
    const code = character.codePointAt(0) ?? 0;
    if (within(TO_SPACE, code)) mapped += ' ';
    else if (!within(TO_NOTHING, code)) mapped += character;
  }
  mapped = mapped.normalize('NFKC');
  const characters = Array.from(mapped);
  const codes = characters.map((character) => character.codePointAt(0) ?? 0);
  if (codes.length === 0 || codes.some((code) => within(PROHIBITED, code))) return password;
  const fromRight = codes.map((code) => within(RIGHT_TO_LEFT, code));
  if (fromRight.includes(true)) {
    const mixed = characters.some((character, at) => fromRight[at] === false && LETTER.test(character));
    if (mixed || fromRight[0] === false || fromRight.at(-1) === false) return password;
  }
  return mapped;
}
