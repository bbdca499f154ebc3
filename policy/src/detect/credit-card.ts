import { isDigit, isGroupHyphen, isGroupSpace, isHex, isLetter } from './characters.ts';
import type { Span } from './find.ts';

const DIGITS_MIN = 13;
const DIGITS_MAX = 19;
/** A group before the last has at least this many digits: lists of small numbers are no cards. */
const GROUP_DIGITS_MIN = 3;

/** First digits from `low` to `high` (ISO/IEC 7812-1 issuer numbers, as the networks publish them), and the lengths they have. */
const ISSUERS: readonly (readonly [low: number, high: number, ...lengths: number[]])[] = [
  [4, 4, 13, 16, 18, 19],
  [51, 55, 16],
  [2221, 2720, 16],
  [34, 34, 15],
  [37, 37, 15],
  [300, 305, 14, 16, 17, 18, 19],
  [3095, 3095, 14, 16, 17, 18, 19],
  [36, 36, 14, 15, 16, 17, 18, 19],
  [38, 39, 14, 16, 17, 18, 19],
  [3528, 3589, 16, 17, 18, 19],
  [6011, 6011, 16, 17, 18, 19],
  [644, 659, 16, 17, 18, 19],
  [62, 62, 16, 17, 18, 19],
  [81, 82, 16, 17, 18, 19],
  [60, 60, 16],
  [50, 50, 13, 14, 15, 16, 17, 18, 19],
  [56, 58, 13, 14, 15, 16, 17, 18, 19],
  [6304, 6304, 13, 14, 15, 16, 17, 18, 19],
  [633, 633, 16, 18, 19],
  [67, 67, 13, 14, 15, 16, 17, 18, 19],
  [2200, 2205, 16, 17, 18, 19],
  [9792, 9792, 16],
];

/** Payment card numbers: 13 to 19 digits in one piece or in groups, of a known issuer, with a correct Luhn digit (ISO/IEC 7812-1 annex B). */
export function findCreditCards(text: string): readonly Span[] {
  const finds: Span[] = [];
  let at = 0;
  while (at < text.length) {
    if (!isDigit(text.charCodeAt(at))) {
      at += 1;
      continue;
    }
    const chain = measureChain(text, at);
    if (chain.digits >= DIGITS_MIN) findInGroups(text, readGroups(text, at), finds);
    at = chain.end;
  }
  return finds;
}

/** How far digits, joined by single spaces or hyphens, go on, and how many they are. */
function measureChain(text: string, at: number): { readonly end: number; readonly digits: number } {
  let digits = 0;
  let end = at;
  for (;;) {
    while (isDigit(text.charCodeAt(end))) {
      digits += 1;
      end += 1;
    }
    const separator = text.charCodeAt(end);
    if (!isGroupSpace(separator) && !isGroupHyphen(separator)) return { end, digits };
    if (!isDigit(text.charCodeAt(end + 1))) return { end, digits };
    end += 1;
  }
}

/** Runs of digits from `at` on that single spaces or hyphens join. */
function readGroups(text: string, at: number): readonly Span[] {
  const groups: Span[] = [];
  let start = at;
  for (;;) {
    let end = start;
    while (isDigit(text.charCodeAt(end))) end += 1;
    groups.push({ start, end });
    const separator = text.charCodeAt(end);
    const joined = (isGroupSpace(separator) || isGroupHyphen(separator)) && isDigit(text.charCodeAt(end + 1));
    if (!joined) return groups;
    start = end + 1;
  }
}

/** Tries each run of whole groups that has the digits of a card; the longest from each first group. */
function findInGroups(text: string, groups: readonly Span[], finds: Span[]): void {
  let first = 0;
  while (first < groups.length) {
    const last = longestCardFrom(text, groups, first);
    const start = groups[first];
    const end = last === undefined ? undefined : groups[last];
    if (last !== undefined && start !== undefined && end !== undefined) {
      finds.push({ start: start.start, end: end.end });
      first = last + 1;
    } else {
      first += 1;
    }
  }
}

function longestCardFrom(text: string, groups: readonly Span[], first: number): number | undefined {
  const start = groups[first];
  if (start === undefined || isPartOfMoreBefore(text, start.start)) return undefined;
  let found: number | undefined;
  let digits = '';
  for (let last = first; last < groups.length; last += 1) {
    const group = groups[last];
    if (group === undefined || digits.length + group.end - group.start > DIGITS_MAX) break;
    digits += text.slice(group.start, group.end);
    if (digits.length >= DIGITS_MIN && !isPartOfMoreAfter(text, group.end) && isCardNumber(digits)) found = last;
    if (group.end - group.start < GROUP_DIGITS_MIN) break;
  }
  return found;
}

/** True when what begins at `start` goes on to the left: a word, a decimal fraction, the piece of a UUID or of a longer number. */
function isPartOfMoreBefore(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  if (isLetter(before)) return true;
  if (before === 46) return isDigit(text.charCodeAt(start - 2));
  return isGroupHyphen(before) && isNumericPiece(text, start - 2, -1);
}

function isPartOfMoreAfter(text: string, end: number): boolean {
  const after = text.charCodeAt(end);
  if (isLetter(after)) return true;
  if (after === 46) return isDigit(text.charCodeAt(end + 1));
  return isGroupHyphen(after) && isNumericPiece(text, end + 1, 1);
}

/** True when the piece that begins at `at` in direction `step` is hexadecimal and holds a digit: the neighbour in a UUID or a longer number. */
function isNumericPiece(text: string, at: number, step: 1 | -1): boolean {
  let digit = false;
  let place = at;
  for (let length = 0; length < DIGITS_MAX && isHex(text.charCodeAt(place)); length += 1) {
    digit ||= isDigit(text.charCodeAt(place));
    place += step;
  }
  return digit && !isLetter(text.charCodeAt(place));
}

function isCardNumber(digits: string): boolean {
  return hasIssuer(digits) && hasLuhnDigit(digits);
}

function hasIssuer(digits: string): boolean {
  return ISSUERS.some(([low, high, ...lengths]) => {
    const prefix = Number(digits.slice(0, String(low).length));
    return prefix >= low && prefix <= high && lengths.includes(digits.length);
  });
}

function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    const weighed = place % 2 === 0 ? digit : digit * 2;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}
