/** What one look over a text tells: which detectors need not look at all. Bits, above them the count of digits. */
export type Survey = number;

/** Bits of a survey. */
export const SURVEY = { at: 1, hyphens: 2, token: 4, key: 8 } as const;
const DIGITS_SHIFT = 4;
const DIGITS_COUNTED_MAX = 1 << 20;

const BORING = 0;
const DIGIT = 1;
const NOTABLE = 2;
/** The class of each ASCII code: most text is boring, and one load tells. */
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code >= 48 && code <= 57) return DIGIT;
  return '@-ywA_xKcC'.includes(String.fromCharCode(code)) ? NOTABLE : BORING;
});

/** Looks over the text once. A bit that is not set excludes what it stands for; a bit that is set says nothing. */
export function surveyText(text: string): Survey {
  let digits = 0;
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = code < 128 ? CLASSES[code] : BORING;
    if (kind === BORING) continue;
    if (kind === DIGIT) digits += 1;
    else bits |= notableBits(text, at, code);
  }
  return bits | (Math.min(digits, DIGITS_COUNTED_MAX) << DIGITS_SHIFT);
}

/** How many digits were seen, at most a million. */
export function digitsOf(survey: Survey): number {
  return survey >> DIGITS_SHIFT;
}

function notableBits(text: string, at: number, code: number): number {
  switch (code) {
    case 64: // @
      return SURVEY.at;
    case 45: // ---
      return text.charCodeAt(at + 1) === 45 && text.charCodeAt(at + 2) === 45 ? SURVEY.hyphens : 0;
    case 121: // eyJ, eyA; told by their second letter, which is far rarer than e
    case 119: // ewo, ew0, ewk
      return text.charCodeAt(at - 1) === 101 ? SURVEY.token : 0;
    case 65: // AKIA, ASIA, AIza
      return startsAccessKey(text.charCodeAt(at + 2)) ? SURVEY.key : 0;
    case 95: // ghp_ and its kin, github_pat_, sk_live_
      return endsKeyPrefix(text.charCodeAt(at - 2)) ? SURVEY.key : 0;
    case 120: // xox, xapp
      return startsChatToken(text.charCodeAt(at + 1)) ? SURVEY.key : 0;
    case 75: // Key
      return text.charCodeAt(at + 1) === 101 ? SURVEY.key : 0;
    default: // secret, SECRET
      return (text.charCodeAt(at + 1) | 32) === 114 ? SURVEY.key : 0;
  }
}

const startsAccessKey = (third: number): boolean => third === 73 || third === 122;
const endsKeyPrefix = (beforeLast: number): boolean => beforeLast === 104 || beforeLast === 97 || beforeLast === 118;
const startsChatToken = (next: number): boolean => next === 111 || next === 97;
