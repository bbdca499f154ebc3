/** Tests on UTF-16 codes. NaN (past either end of a string) is in no class, so callers need no bounds checks. */
export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

export function isAlphanumeric(code: number): boolean {
  return isDigit(code) || isLetter(code);
}

export function isHex(code: number): boolean {
  const lower = code | 32;
  return isDigit(code) || (lower >= 97 && lower <= 102);
}

/** The alphabet of RFC 4648 section 5. */
export function isBase64Url(code: number): boolean {
  return isAlphanumeric(code) || code === 45 || code === 95;
}

/** The alphabet of RFC 4648 section 4, without the padding. */
export function isBase64(code: number): boolean {
  return isAlphanumeric(code) || code === 43 || code === 47;
}

/** A space that may stand between groups of digits: SPACE, NO-BREAK SPACE, NARROW NO-BREAK SPACE, FIGURE SPACE, THIN SPACE. */
export function isGroupSpace(code: number): boolean {
  return code === 32 || code === 0xa0 || code === 0x202f || code === 0x2007 || code === 0x2009;
}

/** A hyphen that may stand between groups of digits: HYPHEN-MINUS, HYPHEN, NON-BREAKING HYPHEN, EN DASH. */
export function isGroupHyphen(code: number): boolean {
  return code === 45 || (code >= 0x2010 && code <= 0x2013);
}

/** True when one of `words` begins a word in the `within` characters before `start`. Words are lower case. */
export function isNamedBefore(text: string, start: number, words: readonly string[], within: number): boolean {
  const before = text.slice(Math.max(0, start - within), start).toLowerCase();
  return words.some((word) => {
    const at = before.lastIndexOf(word);
    return at >= 0 && !isLetter(before.charCodeAt(at - 1));
  });
}
