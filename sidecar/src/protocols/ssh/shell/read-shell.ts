import { readDocuments, readRedirect, skipBlanks } from './read-redirect.ts';
import { mayBeReadWide, readWord } from './read-word.ts';
import { Found, type OpenCommand, Scan } from './scan.ts';
import type { ShellReading, ShellWord } from './syntax.ts';

/** UTF-16 units; a system gives no shell a longer text to run. */
export const SHELL_TEXT_LENGTH_MAX = 131_072;

/** Words that a shell takes for its own where a command begins. Those of one kind of shell only are not read. */
export const RESERVED: ReadonlySet<string> = new Set(
  `if then elif else fi while until do done for case esac { } ! function select coproc repeat foreach end always
  nocorrect noglob`.split(/\s+/),
);
/** A word that stands alone, as written, up to what ends it. */
const PLAIN = /[^ \t\n;&|<>()'"\\$`]+(?=[ \t\n;&|<>()]|$)/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** Where an element of an array may be set, some shells read on to the closing bracket, whatever stands before it. */
const INDEX = /^[A-Za-z_]\w*\[(?:[^\]]*$|.*=)/s;
const EMPTY_PARENTHESES = /\([ \t]*\)/y;
/**
 * What a text makes a shell of the POSIX family run, or undefined when that cannot be told: it is no such text, it is too long or nests too deep, or it uses
 * what these shells read in different ways. Every command that may run is in it, also those in substitutions, functions and branches not taken.
 */
export function readShell(text: string, depth = 0): ShellReading | undefined {
  if (text.length > SHELL_TEXT_LENGTH_MAX || text.includes('\0') || mayBeReadWide(text)) return undefined;
  const found = new Found();
  const scan = new Scan(text, found, depth, (inner) => readList(inner, NO_WORDS));
  readList(scan, NO_WORDS);
  if (scan.failed || !scan.isAtEnd || scan.pending.length > 0) return undefined;
  return found;
}

const NO_WORDS: ReadonlySet<string> = new Set();

/** Commands until a word of `ends`, `;;`, a closing parenthesis or the end of the text. */
function readList(scan: Scan, ends: ReadonlySet<string>): void {
  let chain = 0;
  for (;;) {
    skipSpace(scan);
    if (isListEnd(scan, ends)) return;
    const first = scan.found.commands.length;
    const outermost = scan.depth === 0 && scan.substitutions === 0;
    const joinedByAnd = readAndOr(scan);
    skipBlanks(scan);
    skipComment(scan);
    const { next } = scan;
    if (next === ';' && !scan.sees(';;') && !scan.sees(';&')) scan.at += 1;
    else if (next === '&' && !scan.sees('&&')) scan.at += 1;
    else if (next !== '\n' && !isListEnd(scan, ends)) return scan.fail();
    chain += 1;
    if (!outermost) continue;
    for (const command of scan.found.commands.slice(first)) {
      if (command.chain === OUTERMOST) command.chain = joinedByAnd && next !== '&' ? chain : undefined;
    }
  }
}

/** A command of the outermost list whose number is not known yet. */
const OUTERMOST = -1;

function isListEnd(scan: Scan, ends: ReadonlySet<string>): boolean {
  return scan.isAtEnd || scan.next === ')' || scan.sees(';;') || ends.has(plainWord(scan));
}

/** The word that comes next, where nothing in it is quoted or expanded; otherwise empty. */
function plainWord(scan: Scan): string {
  return scan.match(PLAIN)?.[0] ?? '';
}

/** Blanks, ends of lines with the here-documents behind them, comments. */
function skipSpace(scan: Scan): void {
  for (;;) {
    skipBlanks(scan);
    if (scan.takes('\n')) {
      if (scan.pending.length > 0) readDocuments(scan);
    } else if (scan.next === '#') skipComment(scan);
    else return;
  }
}

function skipComment(scan: Scan): void {
  if (scan.next !== '#') return;
  // Old shells look for the end of a substitution in comments too.
  if (scan.substitutions > 0) return scan.fail();
  const end = scan.text.indexOf('\n', scan.at);
  scan.at = end < 0 ? scan.text.length : end;
}

/** True when every part is one command, joined with the others by `&&`. */
function readAndOr(scan: Scan): boolean {
  let isChain = readPipeline(scan);
  for (;;) {
    skipBlanks(scan);
    if (scan.takes('||')) isChain = false;
    else if (!scan.takes('&&')) return isChain;
    skipSpace(scan);
    if (!readPipeline(scan)) isChain = false;
  }
}

/** True when it is one command by itself. */
function readPipeline(scan: Scan): boolean {
  let isAlone = true;
  while (plainWord(scan) === '!') {
    scan.at += 1;
    isAlone = false;
    // Together they begin a pattern to some shells.
    if (scan.next === '(') scan.fail();
    skipBlanks(scan);
  }
  readCommand(scan);
  for (;;) {
    skipBlanks(scan);
    if (scan.sees('||') || !scan.takes('|')) return isAlone;
    isAlone = false;
    scan.takes('&');
    skipSpace(scan);
    readCommand(scan);
  }
}

function readCommand(scan: Scan): void {
  if (scan.next === '(') {
    scan.at += 1;
    // Two of them begin arithmetic, also when a line goes on between them.
    if (scan.next === '(' || scan.sees('\\\n')) return scan.fail();
    scan.within(() => readList(scan, NO_WORDS));
    scan.expect(')');
    return readRedirects(scan);
  }
  const word = plainWord(scan);
  if (!RESERVED.has(word)) return readSimple(scan);
  scan.at += word.length;
  scan.within(() => {
    if (word === '{') readBody(scan, ['}']);
    else if (word === 'if') readIf(scan);
    else if (word === 'while' || word === 'until') readLoop(scan);
    else if (word === 'for') readFor(scan);
    else if (word === 'case') readCase(scan);
    else scan.fail();
  });
  readRedirects(scan);
}

/** Commands, then one of the words that end them, which is taken and returned. */
function readBody(scan: Scan, ends: readonly string[]): string {
  const before = scan.found.commands.length;
  readList(scan, new Set(ends));
  const word = plainWord(scan);
  if (!ends.includes(word) || scan.found.commands.length === before) scan.fail();
  scan.at += word.length;
  return word;
}

function readIf(scan: Scan): void {
  let word = 'elif';
  while (word === 'elif' && !scan.failed) {
    readBody(scan, ['then']);
    word = readBody(scan, ['elif', 'else', 'fi']);
  }
  if (word === 'else') readBody(scan, ['fi']);
}

function readLoop(scan: Scan): void {
  readBody(scan, ['do']);
  readBody(scan, ['done']);
}

function readFor(scan: Scan): void {
  skipBlanks(scan);
  const name = scan.match(NAME)?.[0] ?? '';
  if (name === '' || plainWord(scan) !== name) return scan.fail();
  scan.at += name.length;
  scan.found.assign(name);
  skipSpace(scan);
  if (plainWord(scan) === 'in') {
    scan.at += 2;
    for (;;) {
      skipBlanks(scan);
      const word = readWord(scan);
      if (word === undefined) break;
      refuseBrace(scan, word);
    }
    if (scan.next !== '\n' && (scan.next !== ';' || scan.sees(';;'))) return scan.fail();
  }
  if (scan.next === ';') scan.at += 1;
  skipSpace(scan);
  if (plainWord(scan) !== 'do') return scan.fail();
  scan.at += 2;
  readBody(scan, ['done']);
}

function readCase(scan: Scan): void {
  skipBlanks(scan);
  if (readWord(scan) === undefined) return scan.fail();
  skipSpace(scan);
  if (plainWord(scan) !== 'in') return scan.fail();
  scan.at += 2;
  for (;;) {
    skipSpace(scan);
    if (plainWord(scan) === 'esac') {
      scan.at += 4;
      return;
    }
    // Old shells take the parenthesis of a pattern for the end of a substitution.
    if (!scan.takes('(') && scan.substitutions > 0) return scan.fail();
    readPatterns(scan);
    readList(scan, new Set(['esac']));
    if (!scan.takes(';;') && plainWord(scan) !== 'esac') return scan.fail();
  }
}

function readPatterns(scan: Scan): void {
  do {
    skipBlanks(scan);
    if (readWord(scan) === undefined) return scan.fail();
    skipBlanks(scan);
  } while (scan.takes('|'));
  scan.expect(')');
}

function open(scan: Scan): OpenCommand {
  const isOutermost = scan.depth === 0 && scan.substitutions === 0;
  return { words: [], redirects: [], hasInput: false, chain: isOutermost ? OUTERMOST : undefined };
}

/** The redirects behind a compound command. */
function readRedirects(scan: Scan): void {
  const command = open(scan);
  skipBlanks(scan);
  while (readRedirect(scan, command)) skipBlanks(scan);
  if (command.redirects.length > 0) scan.add(command);
}

function readSimple(scan: Scan): void {
  const command = open(scan);
  const { words } = command;
  const start = scan.at;
  let hasAssignment = false;
  for (;;) {
    skipBlanks(scan);
    if (readRedirect(scan, command)) continue;
    if (scan.next === '#') break;
    const word = readWord(scan);
    if (word === undefined) break;
    if (INDEX.test(word.raw)) return scan.fail();
    // Added to a variable by some shells, a program's name to others.
    if (words.length === 0 && /^\w+\+=/.test(word.raw)) return scan.fail();
    const assigned = words.length === 0 ? ASSIGNMENT.exec(word.raw)?.[1] : undefined;
    if (assigned !== undefined) {
      scan.found.assign(assigned, word.raw.slice(assigned.length + 1));
      hasAssignment = true;
      continue;
    }
    if (words.length > 0) refuseBrace(scan, word);
    // Which numbers before an arrow are a part of it depends on the shell, and whether a variable in braces takes its number.
    if (/^(?:[0-9]+|\{.*\})$/s.test(word.raw) && /[<>]/.test(scan.next)) return scan.fail();
    words.push(word);
    if (words.length === 1 && !hasAssignment && command.redirects.length === 0 && isDefinition(scan, word)) {
      return readFunction(scan, word.raw);
    }
  }
  if (scan.at === start || scan.next === '(') return scan.fail();
  if (words[0]?.raw === '[[' && !isTest(words, command)) return scan.fail();
  scan.add(command);
}

/** Alone, a brace begins or ends a group to some shells, wherever it stands. */
function refuseBrace(scan: Scan, { raw }: ShellWord): void {
  if (raw === '{' || raw === '}') scan.fail();
}

/** To shells that do not know `[[`, what compares in it is a redirect, and what joins begins another command. */
function isTest(words: readonly ShellWord[], { redirects, hasInput }: OpenCommand): boolean {
  return words.at(-1)?.raw === ']]' && redirects.length === 0 && !hasInput;
}

function isDefinition(scan: Scan, { isBare, raw }: ShellWord): boolean {
  skipBlanks(scan);
  return isBare && /^[A-Za-z_][A-Za-z0-9_]*$/.test(raw) && scan.match(EMPTY_PARENTHESES) !== undefined;
}

function readFunction(scan: Scan, name: string): void {
  scan.found.functions.push(name);
  scan.at += scan.match(EMPTY_PARENTHESES)?.[0].length ?? 0;
  skipSpace(scan);
  const next = plainWord(scan);
  if (scan.next !== '(' && !(RESERVED.has(next) && next !== '!')) return scan.fail();
  scan.within(() => readCommand(scan));
}
