import type { Span } from './find.ts';

const BEGIN = '---BEGIN ';
const END = '---END ';
const LABEL_MAX = 64;

/**
 * Private keys in textual form (RFC 7468 section 10 and 11, RFC 1421 headers, OpenSSH, OpenPGP). A block without its end goes on to the end of the
 * text: it was cut there.
 */
export function findPrivateKeys(text: string): readonly Span[] {
  const finds: Span[] = [];
  let begin = text.indexOf(BEGIN);
  while (begin >= 0) {
    const label = labelAt(text, begin + BEGIN.length);
    if (label === undefined || !label.includes('PRIVATE KEY')) {
      begin = text.indexOf(BEGIN, begin + BEGIN.length);
      continue;
    }
    const end = blockEnd(text, begin + BEGIN.length + label.length);
    finds.push({ start: dashesStart(text, begin), end });
    begin = text.indexOf(BEGIN, end);
  }
  return finds;
}

/** The words up to the closing dashes; undefined when there are none near. */
function labelAt(text: string, start: number): string | undefined {
  const near = text.slice(start, start + LABEL_MAX);
  const end = near.indexOf('---');
  return end < 0 ? undefined : near.slice(0, end);
}

function dashesStart(text: string, begin: number): number {
  let start = begin;
  while (begin - start < 2 && text.charCodeAt(start - 1) === 45) start -= 1;
  return start;
}

function blockEnd(text: string, from: number): number {
  const end = text.indexOf(END, from);
  if (end < 0) return text.length;
  const label = labelAt(text, end + END.length);
  if (label === undefined) return text.length;
  let place = end + END.length + label.length;
  for (let dashes = 0; dashes < 5 && text.charCodeAt(place) === 45; dashes += 1) place += 1;
  return place;
}
