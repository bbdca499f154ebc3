import { isAlphanumeric, isDigit, isGroupHyphen, isGroupSpace, isNamedBefore } from './characters.ts';
import type { Span } from './find.ts';

const NAMES: readonly string[] = ['ssn', 'social', 'sozial'];
const NAMED_WITHIN = 28;
const DIGITS = 9;

/**
 * United States social security numbers in the printed form (3-2-4 with one kind of separator); nine digits in one piece only where the text
 * says what they are. Numbers that were never issued (area 000, 666, 900 to 999; group 00; serial 0000) are none.
 */
export function findUsSsns(text: string): readonly Span[] {
  const finds: Span[] = [];
  let at = 0;
  while (at < text.length) {
    if (!isDigit(text.charCodeAt(at))) {
      at += 1;
      continue;
    }
    const end = isAlphanumeric(text.charCodeAt(at - 1)) ? undefined : ssnEnd(text, at);
    if (end === undefined) {
      while (isDigit(text.charCodeAt(at))) at += 1;
    } else {
      finds.push({ start: at, end });
      at = end;
    }
  }
  return finds;
}

function ssnEnd(text: string, start: number): number | undefined {
  const run = digitRun(text, start, DIGITS + 1);
  if (run === DIGITS) return plainEnd(text, start);
  if (run !== 3) return undefined;
  const separator = text.charCodeAt(start + 3);
  const spaced = isGroupSpace(separator);
  if (!spaced && !isGroupHyphen(separator)) return undefined;
  if (digitRun(text, start + 4, 3) !== 2 || text.charCodeAt(start + 6) !== separator) return undefined;
  if (digitRun(text, start + 7, 5) !== 4) return undefined;
  const end = start + 11;
  if (isJoinedBefore(text, start, spaced) || isJoinedAfter(text, end, spaced)) return undefined;
  const issued = isIssued(text.slice(start, start + 3), text.slice(start + 4, start + 6), text.slice(start + 7, end));
  return issued ? end : undefined;
}

function plainEnd(text: string, start: number): number | undefined {
  const end = start + DIGITS;
  if (isJoinedBefore(text, start, false) || isJoinedAfter(text, end, false)) return undefined;
  if (!isIssued(text.slice(start, start + 3), text.slice(start + 3, start + 5), text.slice(start + 5, end))) {
    return undefined;
  }
  return isNamedBefore(text, start, NAMES, NAMED_WITHIN) ? end : undefined;
}

/** How many digits stand from `start` on, counted up to `max`. */
function digitRun(text: string, start: number, max: number): number {
  let length = 0;
  while (length < max && isDigit(text.charCodeAt(start + length))) length += 1;
  return length;
}

function isJoinedBefore(text: string, start: number, spaced: boolean): boolean {
  const before = text.charCodeAt(start - 1);
  const joins = before === 46 || isGroupHyphen(before) || (spaced && isGroupSpace(before));
  return joins && isDigit(text.charCodeAt(start - 2));
}

function isJoinedAfter(text: string, end: number, spaced: boolean): boolean {
  const after = text.charCodeAt(end);
  if (isAlphanumeric(after)) return true;
  const joins = after === 46 || isGroupHyphen(after) || (spaced && isGroupSpace(after));
  return joins && isDigit(text.charCodeAt(end + 1));
}

function isIssued(area: string, group: string, serial: string): boolean {
  return area !== '000' && area !== '666' && area < '900' && group !== '00' && serial !== '0000';
}
