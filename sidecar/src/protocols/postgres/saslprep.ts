/**
 * SASLprep (RFC 4013) of a password as PostgreSQL does it: when the text holds a character that the profile prohibits, the password
 * is used as it is, so that servers and clients with odd passwords still agree.
 */

/** RFC 3454 table B.1: mapped to nothing. */
const TO_NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** Table C.1.2: spaces that are not ASCII become one. */
const TO_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** Tables C.2.1, C.2.2, C.3 to C.9. */
const PROHIBITED =
  /[\u0000-\u001f\u007f-\u009f\u06dd\u070f\u180e\u2028\u2029\u200e\u200f\u202a-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\u0340\u0341\ue000-\uf8ff\ufff9-\uffff\u{1d173}-\u{1d17a}\u{1fffe}\u{1ffff}\u{e0001}\u{e0020}-\u{e007f}\u{f0000}-\u{10ffff}\ufdd0-\ufdef]/u;
/** RandALCat (table D.1), near enough: letters of scripts that run from right to left. */
const RIGHT_TO_LEFT =
  /[\u05be\u05c0\u05c3\u05d0-\u05f4\u061b\u061f\u0621-\u064a\u066d-\u06d5\u06e5\u06e6\u06fa-\u070d\u0710\u0712-\u072c\u0780-\u07b1\ufb1d\ufb1f-\ufbb1\ufbd3-\ufdfc\ufe70-\ufefc]/u;
const LEFT_TO_RIGHT = /[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u02b8\u0370-\u0589\u0900-\u0df4\u0e01-\u1fff\u3005-\ud7a3]/u;

/** The password in the form that is hashed. */
export function saslPrep(password: string): string {
  if (/^[\u0020-\u007e]*$/u.test(password)) return password;
  const mapped = password.replace(TO_SPACE, ' ').replace(TO_NOTHING, '').normalize('NFKC');
  if (mapped === '' || PROHIBITED.test(mapped) || hasLoneSurrogate(mapped)) return password;
  if (RIGHT_TO_LEFT.test(mapped)) {
    const characters = [...mapped];
    const edges = RIGHT_TO_LEFT.test(characters[0] ?? '') && RIGHT_TO_LEFT.test(characters.at(-1) ?? '');
    if (!edges || LEFT_TO_RIGHT.test(mapped)) return password;
  }
  return mapped;
}

function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed();
}
