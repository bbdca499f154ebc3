import { SCAN_BYTES_MIN, SurveyScan } from './survey-scan.ts';

/** What one look over a text tells: which detectors need not look at all. Bits, above them the count of digits. */
export type Survey = number;

/** Bits of a survey. */
export const SURVEY = { at: 1, hyphens: 2, token: 4, key: 8 } as const;
const DIGITS_SHIFT = 4;
const DIGITS_COUNTED_MAX = 1 << 20;

const BORING = 0;
const DIGIT = 1;
const NOTABLE = 2;
/** A byte that is no ASCII. */
const FOREIGN = 128;
/** The class of each ASCII code, and of bytes above: most text is boring, and one load tells. */
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code >= FOREIGN) return NOTABLE;
  if (code >= 48 && code <= 57) return DIGIT;
  return '@-ywA_xKcC'.includes(String.fromCharCode(code)) ? NOTABLE : BORING;
});

/** Looks over the text once. A bit that is not set excludes what it stands for; a bit that is set says nothing. */
export function surveyText(text: string): Survey {
  let digits = 0;
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = code < FOREIGN ? CLASSES[code] : BORING;
    if (kind === BORING) continue;
    if (kind === DIGIT) digits += 1;
    else {
      const [beforeLast, last] = [text.charCodeAt(at - 2), text.charCodeAt(at - 1)];
      bits |= notableBits(code, beforeLast, last, text.charCodeAt(at + 1), text.charCodeAt(at + 2));
    }
  }
  return bits | (Math.min(digits, DIGITS_COUNTED_MAX) << DIGITS_SHIFT);
}

/** Shared by all: it keeps nothing between two looks. */
const scan = new SurveyScan();

/**
 * As `surveyText`, of the ASCII bytes from `start` to `end`; undefined when any of them is none: only a text can tell then. What is outside does
 * not count.
 */
export function surveyBytes(bytes: Uint8Array, start = 0, end = bytes.length): Survey | undefined {
  if (end - start < SCAN_BYTES_MIN) return surveyFewBytes(bytes, start, end);
  const { bits, foreign, digits } = scan.look(bytes, start, end);
  return foreign ? undefined : bits | (Math.min(digits, DIGITS_COUNTED_MAX) << DIGITS_SHIFT);
}

/** As `surveyBytes`, byte by byte. */
export function surveyFewBytes(bytes: Uint8Array, start = 0, end = bytes.length): Survey | undefined {
  let digits = 0;
  let bits = 0;
  const byte = (at: number): number => (at < start || at >= end ? 0 : (bytes[at] ?? 0));
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] ?? 0;
    const kind = CLASSES[code];
    if (kind === BORING) continue;
    if (kind === DIGIT) digits += 1;
    else if (code >= FOREIGN) return undefined;
    else bits |= notableBits(code, byte(at - 2), byte(at - 1), byte(at + 1), byte(at + 2));
  }
  return bits | (Math.min(digits, DIGITS_COUNTED_MAX) << DIGITS_SHIFT);
}

/** How many digits were seen, at most a million. */
export function digitsOf(survey: Survey): number {
  return survey >> DIGITS_SHIFT;
}

/** `code` and its neighbours; what lies outside the text is no character code. */
function notableBits(code: number, beforeLast: number, last: number, next: number, afterNext: number): number {
  switch (code) {
    case 64: // @
      return SURVEY.at;
    case 45: // ---
      return next === 45 && afterNext === 45 ? SURVEY.hyphens : 0;
    case 121: // eyJ, eyA; told by their second letter, which is far rarer than e
    case 119: // ewo, ew0, ewk
      return last === 101 ? SURVEY.token : 0;
    case 65: // AKIA, ASIA, AIza
      return startsAccessKey(afterNext) ? SURVEY.key : 0;
    case 95: // ghp_ and its kin, github_pat_, sk_live_
      return endsKeyPrefix(beforeLast) ? SURVEY.key : 0;
    case 120: // xox, xapp
      return startsChatToken(next) ? SURVEY.key : 0;
    case 75: // Key
      return next === 101 ? SURVEY.key : 0;
    default: // secret, SECRET
      return (next | 32) === 114 ? SURVEY.key : 0;
  }
}

const startsAccessKey = (third: number): boolean => third === 73 || third === 122;
const endsKeyPrefix = (beforeLast: number): boolean => beforeLast === 104 || beforeLast === 97 || beforeLast === 118;
const startsChatToken = (next: number): boolean => next === 111 || next === 97;
