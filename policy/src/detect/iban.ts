import { isAlphanumeric, isDigit, isGroupHyphen, isGroupSpace, isLetter } from './characters.ts';
import type { Span } from './find.ts';

/** Length by country, from the IBAN registry (ISO 13616). */
const LENGTHS = new Map<string, number>(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 ' +
    'FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 ' +
    'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 ' +
    'SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** International bank account numbers: a known country, its exact length, a remainder of 1 modulo 97 (ISO 7064); in one piece or in groups of four. */
export function findIbans(text: string): readonly Span[] {
  const finds: Span[] = [];
  let at = 0;
  while (at < text.length) {
    // The check digits are looked for first: most letters are not followed by two digits.
    if (!isDigit(text.charCodeAt(at + 2)) || !isDigit(text.charCodeAt(at + 3)) || !isStart(text, at)) {
      at += 1;
      continue;
    }
    const end = ibanEnd(text, at);
    if (end === undefined) {
      at += 1;
    } else {
      finds.push({ start: at, end });
      at = end;
    }
  }
  return finds;
}

function isStart(text: string, at: number): boolean {
  return (
    isLetter(text.charCodeAt(at)) &&
    isLetter(text.charCodeAt(at + 1)) &&
    (!isAlphanumeric(text.charCodeAt(at - 1)) || isNamedIban(text, at))
  );
}

/** The label `IBAN` written without a space before the number. */
function isNamedIban(text: string, at: number): boolean {
  return text.slice(Math.max(0, at - 4), at).toLowerCase() === 'iban' && !isAlphanumeric(text.charCodeAt(at - 5));
}

function ibanEnd(text: string, start: number): number | undefined {
  const length = LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return undefined;
  let compact = '';
  let place = start;
  while (compact.length < length) {
    const code = text.charCodeAt(place);
    if (isAlphanumeric(code)) {
      compact += text[place];
    } else if (compact.length % 4 !== 0 || !(isGroupSpace(code) || isGroupHyphen(code))) {
      return undefined;
    } else if (!isAlphanumeric(text.charCodeAt(place + 1))) {
      return undefined;
    }
    place += 1;
  }
  return !isAlphanumeric(text.charCodeAt(place)) && hasCheckDigits(compact.toUpperCase()) ? place : undefined;
}

function hasCheckDigits(iban: string): boolean {
  const moved = iban.slice(4) + iban.slice(0, 4);
  let remainder = 0;
  for (let place = 0; place < moved.length; place += 1) {
    const code = moved.charCodeAt(place);
    remainder = isDigit(code) ? (remainder * 10 + code - 48) % 97 : (remainder * 100 + code - 55) % 97;
  }
  return remainder === 1;
}
