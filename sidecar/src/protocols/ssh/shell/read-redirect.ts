import { readBackquotes, readDollar } from './read-expansion.ts';
import { readWord } from './read-word.ts';
import type { OpenCommand, Scan } from './scan.ts';

const OPERATOR = /([0-9]?)(<<<|<<-|<<|<>|<&|<|>>|>\||>&|>)|&>>?/y;
const DOCUMENT_END = /(?:'([\w.+-]+)'|"([\w.+-]+)"|([\w.+-]+))(?=[\s;&|<>()]|$)/y;
const DESCRIPTOR = /^(?:[0-9]-?|-)$/;

/** Reads one redirect into `command`. False when none begins here. */
export function readRedirect(scan: Scan, command: OpenCommand): boolean {
  const operator = scan.match(OPERATOR);
  if (operator === undefined) return false;
  const [text, descriptor = '', arrow = text] = operator;
  scan.at += text.length;
  if (scan.next === '(') {
    // With a number before it, it is a word to some shells; without, readWord has what is in it.
    if (descriptor !== '' || (arrow !== '<' && arrow !== '>')) scan.fail();
    scan.at -= text.length;
    return false;
  }
  skipBlanks(scan);
  if (arrow === '<<' || arrow === '<<-') {
    command.hasInput = true;
    readDocumentEnd(scan, arrow === '<<-');
    return true;
  }
  const target = readWord(scan);
  // Some shells write through a mark in front of the name.
  if (target === undefined || target.raw.startsWith('!')) {
    scan.fail();
    return true;
  }
  if (arrow === '<<<') command.hasInput = true;
  else if (!arrow.endsWith('&') || target.text === undefined || !DESCRIPTOR.test(target.text)) {
    if (arrow.startsWith('<')) command.redirects.push({ access: 'Read', target });
    if (!arrow.startsWith('<') || arrow === '<>') command.redirects.push({ access: 'Write', target });
  }
  // The others see `command &` and a command that begins with this redirect.
  if (arrow.startsWith('&')) {
    skipBlanks(scan);
    if (!/^[\n;&|)]?$/.test(scan.next)) scan.fail();
  }
  return true;
}

/** Space, and lines that go on. */
export function skipBlanks(scan: Scan): void {
  for (;;) {
    if (scan.next === ' ' || scan.next === '\t') scan.at += 1;
    // Right behind something else it would join it with what the next line begins with.
    else if (scan.sees('\\\n')) {
      if (scan.at > 0 && !/[ \t\n]/.test(scan.text[scan.at - 1] ?? '')) return scan.fail();
      scan.at += 2;
    } else return;
  }
}

function readDocumentEnd(scan: Scan, stripsTabs: boolean): void {
  const end = scan.match(DOCUMENT_END);
  if (end === undefined) return scan.fail();
  const [text, single, double, bare] = end;
  scan.at += text.length;
  scan.pending.push({ end: single ?? double ?? bare ?? '', isQuoted: bare === undefined, stripsTabs });
}

/** Reads the texts of the here-documents that wait, from the start of a line. */
export function readDocuments(scan: Scan): void {
  const { pending } = scan;
  scan.pending = [];
  for (const { end, isQuoted, stripsTabs } of pending) {
    const lines: string[] = [];
    for (;;) {
      if (scan.isAtEnd) return scan.fail();
      const lineEnd = scan.text.indexOf('\n', scan.at);
      const whole = scan.text.slice(scan.at, lineEnd < 0 ? undefined : lineEnd);
      scan.at = lineEnd < 0 ? scan.text.length : lineEnd + 1;
      const line = stripsTabs ? whole.replace(/^\t+/, '') : whole;
      if (line === end) break;
      lines.push(line);
    }
    if (isQuoted) continue;
    // A line that goes on may join the end to what is before it.
    if (lines.some((line) => line.endsWith('\\'))) return scan.fail();
    scan.inner(lines.join('\n'), readDocumentText);
  }
}

/** What a shell expands in a here-document. */
function readDocumentText(scan: Scan): void {
  while (!scan.isAtEnd) {
    if (scan.next === '\\') scan.at += 2;
    else if (scan.next === '$') readDollar(scan, true);
    else if (scan.next === '`') readBackquotes(scan, true);
    else scan.at += 1;
  }
}
