import { type Expansion, readBackquotes, readDollar, readNested } from './read-expansion.ts';
import type { Scan } from './scan.ts';
import type { ShellPath, ShellWord } from './syntax.ts';

/** Ends a word where it is not quoted. */
const META = /[ \t\n;&|<>()]/;
/** Text that stands for itself. */
const PLAIN = /[\w./,+@%:=^!#\]-]+/y;
/** Marks that are no text, and spaces that some shells know for such. */
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]/;
/** Characters that some character sets know as the second half of another, and a shell as a mark. */
const AFTER_WIDE = /[^\x00-\x7f][;<>?@[\]\\^`{|}~]/;

/** True when the text could be cut in other places by a shell that runs in another character set. */
export function mayBeReadWide(text: string): boolean {
  return AFTER_WIDE.test(text);
}

/** What stands for itself everywhere, although its characters may mean more. */
const LITERALS: ReadonlySet<string> = new Set(['{}', '[', '[[']);

interface Part {
  readonly kind: 'Text' | 'Quoted' | 'Glob' | 'Tilde' | 'Number' | 'Pipe' | 'One' | 'Several';
  readonly text: string;
}

/** Reads one word; undefined when none begins here, as with a comment. */
export function readWord(scan: Scan): ShellWord | undefined {
  const start = scan.at;
  if (scan.next === '#') return undefined;
  const parts: Part[] = [];
  let isQuoted = false;
  const add = (kind: Part['kind'], text: string): void => void parts.push({ kind, text });
  const expand = (expansion: Expansion, quoted: boolean): void => {
    if (expansion === 'Literal') add(quoted ? 'Quoted' : 'Text', '$');
    else if (expansion === 'Number' && !quoted) add('Number', '');
    else add(expansion !== 'Several' && quoted ? 'One' : 'Several', '');
  };
  while (!scan.isAtEnd) {
    const { next } = scan;
    if ((next === '<' || next === '>') && scan.text[scan.at + 1] === '(') {
      // Behind other text some shells see a redirect.
      if (scan.at > start) scan.fail();
      scan.at += 2;
      readNested(scan, ')');
      add('Pipe', '');
    } else if (META.test(next)) {
      break;
    } else if (next === '\\') {
      isQuoted = true;
      readBackslash(scan, add);
    } else if (next === "'") {
      isQuoted = true;
      readSingle(scan, add);
    } else if (next === '"') {
      isQuoted = true;
      readDouble(scan, add, expand);
    } else if (next === '`') {
      readBackquotes(scan, false);
      add('Several', '');
    } else if (next === '$') {
      expand(readDollar(scan, false), false);
    } else {
      const plain = scan.match(PLAIN)?.[0] ?? next;
      addPlain(plain, parts, scan);
      scan.at += plain.length;
    }
  }
  if (scan.at > start) scan.countWord();
  if (scan.failed || scan.at === start) return undefined;
  return wordOf(parts, scan.text.slice(start, scan.at), isQuoted);
}

function addPlain(next: string, parts: Part[], scan: Scan): void {
  const last = parts.at(-1);
  if ('*?['.includes(next)) parts.push({ kind: 'Glob', text: next });
  else if ('{}'.includes(next)) parts.push({ kind: 'Several', text: next });
  else if (next === '~' && (last === undefined || (last.kind === 'Text' && '=:'.includes(last.text.slice(-1))))) {
    parts.push({ kind: 'Tilde', text: next });
  } else if (UNSEEN.test(next)) scan.fail();
  else parts.push({ kind: 'Text', text: next });
}

type Add = (kind: Part['kind'], text: string) => void;

function readBackslash(scan: Scan, add: Add): void {
  const next = scan.text.codePointAt(scan.at + 1);
  // A line that goes on in the middle of a word joins what a reader of lines takes for two.
  if (next === undefined || next === 0x0a) return scan.fail();
  const text = String.fromCodePoint(next);
  add('Quoted', text);
  scan.at += 1 + text.length;
}

function readSingle(scan: Scan, add: Add): void {
  const end = scan.text.indexOf("'", scan.at + 1);
  if (end < 0) return scan.fail();
  const text = scan.text.slice(scan.at + 1, end);
  if (scan.pending.length > 0 && text.includes('\n')) return scan.fail();
  add('Quoted', text);
  scan.at = end + 1;
}

const DOUBLE_PLAIN = /[^"\\$`]+/y;

function readDouble(scan: Scan, add: Add, expand: (expansion: Expansion, quoted: boolean) => void): void {
  scan.at += 1;
  add('Quoted', '');
  while (!scan.takes('"')) {
    const plain = scan.match(DOUBLE_PLAIN)?.[0];
    if (plain !== undefined) {
      if (scan.pending.length > 0 && plain.includes('\n')) return scan.fail();
      add('Quoted', plain);
      scan.at += plain.length;
    } else if (scan.next === '\\') {
      const next = scan.text[scan.at + 1] ?? '';
      if (next === '' || (next === '\n' && scan.pending.length > 0)) return scan.fail();
      if (next !== '\n') add('Quoted', '$`"\\'.includes(next) ? next : '\\');
      scan.at += '$`"\\\n'.includes(next) ? 2 : 1;
    } else if (scan.next === '`') {
      readBackquotes(scan, true);
      add('One', '');
    } else if (scan.next === '$') {
      expand(readDollar(scan, true), true);
    } else {
      return scan.fail();
    }
  }
}

function wordOf(parts: readonly Part[], raw: string, isQuoted: boolean): ShellWord {
  // Other braces are several words to some shells, and what begins with = is a path to one of them.
  const isLiteral = LITERALS.has(raw) || (!raw.startsWith('=') && parts.every(({ kind }) => isText(kind)));
  const text = isLiteral ? parts.map((part) => part.text).join('') : undefined;
  const [first] = parts;
  const isOne = parts.every(({ kind }) => kind !== 'Several' && kind !== 'Glob' && kind !== 'Number');
  const start = parts.find((part) => part.text !== '' || !isText(part.kind));
  return {
    text,
    raw,
    isBare: !isQuoted && isLiteral,
    isOne: isLiteral || isOne,
    isOperand:
      start !== undefined &&
      (isText(start.kind) ||
        start.kind === 'Number' ||
        start.kind === 'Pipe' ||
        (start.kind === 'Tilde' && first === start)) &&
      !start.text.startsWith('-') &&
      parts.every(({ kind }) => kind !== 'Several'),
    path: pathOf(parts, isLiteral, raw),
  };
}

/** Where a process that a word stands for is read or written. */
const PIPE: ShellPath = { text: '/dev/fd', isTree: true };

function isText(kind: Part['kind']): boolean {
  return kind === 'Text' || kind === 'Quoted';
}

/** The path that a word means, up to the directory where the shell begins to match; undefined when only running would tell. */
function pathOf(parts: readonly Part[], isLiteral: boolean, raw: string): ShellPath | undefined {
  const [first, second] = parts;
  if (raw.startsWith('=') || first === undefined) return undefined;
  if (first.kind === 'Pipe' && second === undefined) return PIPE;
  // The home, where an unquoted slash follows it.
  const isHome = first.kind === 'Tilde' && (second === undefined || (second.kind === 'Text' && second.text[0] === '/'));
  const rest = isHome ? parts.slice(1) : parts;
  if (!isLiteral && !rest.every(({ kind }) => isText(kind) || kind === 'Glob')) return undefined;
  const whole = rest.map((part) => part.text).join('');
  const start = isHome ? '~' : whole.startsWith('~') ? './' : '';
  const globAt = isLiteral ? -1 : rest.findIndex(({ kind }) => kind === 'Glob');
  if (globAt < 0) return start + whole === '' ? undefined : { text: start + whole, isTree: false };
  const before = rest.slice(0, globAt).map((part) => part.text);
  const directory = before.join('').slice(0, before.join('').lastIndexOf('/') + 1);
  // What is matched may be a directory, out of which the rest climbs; a pattern with a dot before it may match the one above.
  const names = whole.slice(directory.length).split('/');
  if (names.some((name) => name.startsWith('.') && (name === '..' || /[*?[]/.test(name)))) return undefined;
  return { text: start + directory === '' ? '.' : start + directory, isTree: true };
}
