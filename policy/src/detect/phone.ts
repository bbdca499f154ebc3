import { isAlphanumeric, isDigit, isGroupHyphen, isGroupSpace, isLetter, isNamedBefore } from './characters.ts';
import type { Span } from './find.ts';

const E164_DIGITS_MIN = 8;
const E164_DIGITS_MAX = 15;
const NATIONAL_DIGITS_MIN = 10;
const NATIONAL_DIGITS_MAX = 12;
const NAMES: readonly string[] = ['phone', 'mobile', 'telephone', 'tel', 'fax', 'cell'];
const NAMED_WITHIN = 20;
const READ_DIGITS_MAX = E164_DIGITS_MAX + 2;
const OPENING = 40;
const CLOSING = 41;

/** Country codes of ITU-T E.164 by their first two digits: whole codes of two digits, and the beginnings of those with three. */
const COUNTRY_BEGINNINGS = new Set(
  (
    '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ' +
    '21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99'
  ).split(' '),
);

/** Digits in groups, as one dials them. */
interface Dialled {
  readonly digits: string;
  /** Where each group stands. */
  readonly groups: readonly Span[];
  /** The code of each separator between groups; brackets count as a space. */
  readonly separators: readonly number[];
}

/**
 * Telephone numbers: international ones (`+` or `00` and a country code of ITU-T E.164), North American ones in their printed forms, and national
 * ones with a leading zero in groups. Digits in one piece count only where the text says what they are.
 */
export function findPhones(text: string): readonly Span[] {
  const finds: Span[] = [];
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (!isDigit(code) && code !== 43 && code !== 40) {
      at += 1;
      continue;
    }
    const end = isAlphanumeric(text.charCodeAt(at - 1)) ? undefined : phoneEnd(text, at, code);
    if (end !== undefined) {
      finds.push({ start: at, end });
      at = end;
    } else if (isDigit(code)) {
      while (isDigit(text.charCodeAt(at))) at += 1;
    } else {
      at += 1;
    }
  }
  return finds;
}

function phoneEnd(text: string, start: number, code: number): number | undefined {
  if (code === 43) return internationalEnd(readDialled(text, start + 1));
  if (code !== OPENING && !mayDial(text, start, code)) return undefined;
  const dialled = readDialled(text, start);
  if (dialled.digits.startsWith('00')) {
    return dialled.separators.length > 0 && !isJoinedBefore(text, start)
      ? internationalEnd({ ...dialled, digits: dialled.digits.slice(2) })
      : undefined;
  }
  if (isJoinedBefore(text, start)) return undefined;
  return northAmericanEnd(text, start, dialled) ?? zeroNationalEnd(text, start, dialled);
}

/** A cheap look at the first group: most digits in a text are dates, amounts and ids. */
function mayDial(text: string, start: number, code: number): boolean {
  let end = start;
  while (isDigit(text.charCodeAt(end)) && end - start <= NATIONAL_DIGITS_MAX) end += 1;
  const length = end - start;
  if (length >= NATIONAL_DIGITS_MIN) return true;
  const isGrouped = skipSeparator(text, end, true) > end;
  return isGrouped && (code === 48 || length === 3 || (length === 1 && code === 49));
}

/** Reads groups until there are more digits than any number has; the first two may stand in brackets. */
function readDialled(text: string, start: number): Dialled {
  const groups: Span[] = [];
  const separators: number[] = [];
  let digits = '';
  let isOpen = text.charCodeAt(start) === OPENING;
  let place = isOpen ? start + 1 : start;
  while (isDigit(text.charCodeAt(place)) && digits.length <= READ_DIGITS_MAX) {
    let end = place;
    while (isDigit(text.charCodeAt(end)) && end - place <= READ_DIGITS_MAX) end += 1;
    if (isOpen && text.charCodeAt(end) !== CLOSING) break;
    digits += text.slice(place, end);
    groups.push({ start: place, end });
    const next = skipSeparator(text, end, groups.length === 1);
    if (next === end || !isDigit(text.charCodeAt(next))) break;
    const separator = text.charCodeAt(end);
    separators.push(next - end > 1 || separator === OPENING || separator === CLOSING ? 32 : separator);
    isOpen = text.charCodeAt(next - 1) === OPENING;
    place = next;
  }
  return { digits, groups, separators };
}

/** Past a closing bracket, one space, hyphen, dot or slash, and an opening bracket where one may come. */
function skipSeparator(text: string, end: number, mayOpen: boolean): number {
  let place = end;
  if (text.charCodeAt(place) === CLOSING) place += 1;
  const code = text.charCodeAt(place);
  if (isGroupSpace(code) || isGroupHyphen(code) || code === 46 || code === 47) place += 1;
  if (mayOpen && text.charCodeAt(place) === OPENING) place += 1;
  return place;
}

/** The end of the longest run of whole groups that has as many digits as a number of that country. */
function internationalEnd(dialled: Dialled): number | undefined {
  const { digits } = dialled;
  const north = digits.startsWith('1');
  if (!north && !digits.startsWith('7') && !COUNTRY_BEGINNINGS.has(digits.slice(0, 2))) return undefined;
  const [min, max] = north || digits.startsWith('7') ? [11, 11] : [E164_DIGITS_MIN, E164_DIGITS_MAX];
  if (north && !isNorthAmerican(digits.slice(1, 11))) return undefined;
  // With the prefix 00 the groups hold two digits more than `digits`.
  let count = digits.length - dialled.groups.reduce((sum, group) => sum + group.end - group.start, 0);
  let end: number | undefined;
  for (const group of dialled.groups) {
    count += group.end - group.start;
    if (count >= min && count <= max) end = group.end;
  }
  return end;
}

/** (NXX) NXX-XXXX, NXX-NXX-XXXX with one kind of separator, each with or without the 1 in front. */
function northAmericanEnd(text: string, start: number, dialled: Dialled): number | undefined {
  const skip = dialled.groups.length > 3 && dialled.digits.startsWith('1') ? 1 : 0;
  const [area, exchange, line] = dialled.groups.slice(skip);
  if (area === undefined) return undefined;
  if (dialled.groups.length === 1) return plainEnd(text, start, dialled.digits, area.end);
  if (exchange === undefined || line === undefined) return undefined;
  if (skip === 1 && dialled.groups[0]?.end !== start + 1) return undefined;
  const shape = [area, exchange, line].map((group) => group.end - group.start);
  if (shape[0] !== 3 || shape[1] !== 3 || shape[2] !== 4) return undefined;
  if (!isNorthAmerican(dialled.digits.slice(skip, skip + 10))) return undefined;
  const bracketed = text.charCodeAt(area.end) === 41;
  const separator = text.charCodeAt(exchange.end);
  const isOneKind = bracketed || (area.end + 1 === exchange.start && text.charCodeAt(area.end) === separator);
  if (!isOneKind || exchange.end + 1 !== line.start || separator === 47) return undefined;
  if (isLetter(text.charCodeAt(line.end)) && text.charCodeAt(line.end) !== 120) return undefined;
  const more = text.charCodeAt(line.end) === separator && isDigit(text.charCodeAt(line.end + 1));
  const listed =
    isGroupSpace(separator) && isGroupSpace(text.charCodeAt(start - 1)) && isDigit(text.charCodeAt(start - 2));
  return bracketed || (!more && !listed) ? line.end : undefined;
}

function plainEnd(text: string, start: number, digits: string, end: number): number | undefined {
  const national = digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
  if (isAlphanumeric(text.charCodeAt(end))) return undefined;
  const zeroLed = national.length <= 11 && national.length >= NATIONAL_DIGITS_MIN && /^0[1-9]/.test(national);
  const known = isNorthAmerican(national) || zeroLed;
  return known && isNamedBefore(text, start, NAMES, NAMED_WITHIN) ? end : undefined;
}

/** Area and exchange begin with 2 to 9 and are not service codes (N11). */
function isNorthAmerican(ten: string): boolean {
  return ten.length === 10 && isCentral(ten.slice(0, 3)) && isCentral(ten.slice(3, 6));
}

function isCentral(three: string): boolean {
  return three >= '200' && !three.endsWith('11');
}

/** A leading zero and an area code, then groups of at least two digits; neither a date nor an address nor a list of numbers. */
function zeroNationalEnd(text: string, start: number, dialled: Dialled): number | undefined {
  const { digits, groups, separators } = dialled;
  const last = groups.at(-1);
  if (last === undefined || !digits.startsWith('0') || separators.length === 0) return undefined;
  if (digits.length < NATIONAL_DIGITS_MIN || digits.length > NATIONAL_DIGITS_MAX) return undefined;
  if (groups.some((group) => group.end - group.start < 2 || group.end - group.start > 8)) return undefined;
  const dots = separators.filter((separator) => separator === 46).length;
  if (dots > 0 && dots < separators.length) return undefined;
  if (dots === 3 && groups.every((group) => group.end - group.start === 3)) return undefined;
  if (isDate(text, groups)) return undefined;
  const after = text.charCodeAt(last.end);
  if (isLetter(after) || ((after === 58 || after === 44 || after === 46) && isDigit(text.charCodeAt(last.end + 1)))) {
    return undefined;
  }
  const listed = isGroupSpace(text.charCodeAt(start - 1)) && isDigit(text.charCodeAt(start - 2));
  return listed ? undefined : last.end;
}

/** Day, month and year in front. */
function isDate(text: string, groups: readonly Span[]): boolean {
  const [day, month, year] = groups.map((group) => text.slice(group.start, group.end));
  return day?.length === 2 && month?.length === 2 && year?.length === 4 && /^(?:19|20)/.test(year) && month <= '31';
}

/** True when a digit and a mark stand directly before: the number goes on to the left. */
function isJoinedBefore(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  const joins = before === 46 || before === 47 || before === 58 || before === 44 || isGroupHyphen(before);
  return joins && isDigit(text.charCodeAt(start - 2));
}
