import { isAlphanumeric, isDigit, isLetter } from './characters.ts';
import type { Span } from './find.ts';

/** `.`, `_`, `-`, `+`, `%`, `'`, `*`, `!`, `#`, `$`, `^`, `~`: what RFC 5322 atoms may hold and URLs and assignments do not use around an address. */
const LOCAL_MARKS = new Set([46, 95, 45, 43, 37, 39, 42, 33, 35, 36, 94, 126]);
const QUOTED_LOCAL_MAX = 64;
const TOP_LABEL_MIN = 2;
const TOP_LABEL_MAX = 63;

/** Mail addresses: a local part (RFC 5322 section 3.4.1, also quoted and also beyond ASCII) at a domain with at least two labels. */
export function findEmails(text: string): readonly Span[] {
  const finds: Span[] = [];
  let floor = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const start = localStart(text, at, floor);
    const end = domainEnd(text, at + 1);
    floor = at + 1;
    if (start < at && end !== undefined) {
      finds.push({ start, end });
      floor = end;
    }
  }
  return finds;
}

function localStart(text: string, at: number, floor: number): number {
  if (text.charCodeAt(at - 1) === 34) return quotedStart(text, at, floor);
  let start = at;
  while (start > floor && isLocal(text.charCodeAt(start - 1))) start -= 1;
  // A quote or a dot in front belongs to the text around it.
  while (start < at && (text.charCodeAt(start) === 39 || text.charCodeAt(start) === 46)) start += 1;
  return start;
}

function quotedStart(text: string, at: number, floor: number): number {
  const lowest = Math.max(floor, at - QUOTED_LOCAL_MAX - 2);
  for (let place = at - 2; place >= lowest; place -= 1) {
    if (text.charCodeAt(place) === 34) return place + 1 === at - 1 ? at : place;
  }
  return at;
}

function isLocal(code: number): boolean {
  return isAlphanumeric(code) || LOCAL_MARKS.has(code) || isBeyondAscii(code);
}

/** Where the domain that begins at `start` ends, or undefined when it has fewer than two labels or no alphabetic top label. */
function domainEnd(text: string, start: number): number | undefined {
  let end: number | undefined;
  let label = start;
  for (;;) {
    let place = label;
    let letters = 0;
    while (isLabel(text.charCodeAt(place))) {
      const code = text.charCodeAt(place);
      if (isLetter(code) || isBeyondAscii(code)) letters += 1;
      place += 1;
    }
    const length = place - label;
    if (length === 0) return end;
    if (label > start && isTopLabel(text, label, length, letters)) end = trimHyphens(text, place, label);
    if (text.charCodeAt(place) !== 46) return end;
    label = place + 1;
  }
}

function isTopLabel(text: string, label: number, length: number, letters: number): boolean {
  if (length < TOP_LABEL_MIN || length > TOP_LABEL_MAX) return false;
  if (!isDigit(text.charCodeAt(label)) && letters >= TOP_LABEL_MIN) return true;
  return false;
}

function trimHyphens(text: string, end: number, floor: number): number {
  let place = end;
  while (place > floor && text.charCodeAt(place - 1) === 45) place -= 1;
  return place;
}

function isLabel(code: number): boolean {
  return isAlphanumeric(code) || code === 45 || isBeyondAscii(code);
}

/** Letters and marks of other scripts, coarsely: Latin-1 signs, general punctuation, CJK punctuation and surrogates are not. */
function isBeyondAscii(code: number): boolean {
  if (code < 0xc0 || code === 0xd7 || code === 0xf7) return false;
  if (code >= 0x2000 && code <= 0x2bff) return false;
  if (code >= 0x3000 && code <= 0x303f) return false;
  return code < 0xd800 || (code >= 0xf900 && code < 0xff00);
}
