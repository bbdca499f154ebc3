import type { Scan } from './scan.ts';

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const PARAMETER = /#?(?:([A-Za-z_][A-Za-z0-9_]*)|[0-9]+|[?$!#*@-])/y;
/** Behind a literal dollar: where every shell takes it for one. */
const LITERAL_DOLLAR = /^[\s"/.,%:;)]?$/;
/** Brackets in which there is nothing to reckon with. */
const PLAIN_INDEX = /\[[^\]A-Za-z_$`'"(\\]*(?:\]|$)/y;
const MARKED = /[~=^+][^\s"'`)]/y;
const OPERATOR = /:?[-+?=]|%%?|##?|\/[/#%]?|\^\^?|,,?/y;
const OFFSET = /: ?-?[0-9]+(?::[0-9]+)?\}/y;
/** What arithmetic is made of, but for parentheses and dollars. */
const ARITHMETIC = /[\w+\-*/%<>=!&|^~?:, \t]+/y;

/**
 * What stands for itself, or for something that only running would tell: `Several` for any number of words, `One` for one where it is quoted, `Number`
 * for one that begins with a digit, or none.
 */
export type Expansion = 'Literal' | 'One' | 'Several' | 'Number';

/** Reads what begins with a dollar. */
export function readDollar(scan: Scan, isQuoted: boolean): Expansion {
  scan.at += 1;
  const { next } = scan;
  if (scan.takes('(')) {
    if (scan.takes('(')) readArithmetic(scan);
    else readSubstitution(scan);
    return 'One';
  }
  if (scan.takes('{')) return readBraces(scan);
  const name = scan.match(NAME);
  if (name !== undefined) {
    scan.at += name[0].length;
    refuseIndex(scan, isQuoted);
    return 'One';
  }
  if (/^[0-9?!#*@$_-]$/.test(next)) {
    scan.at += 1;
    refuseIndex(scan, isQuoted);
    if (next === '@' || next === '*') return 'Several';
    return '?!#$'.includes(next) ? 'Number' : 'One';
  }
  if (!isQuoted && next === "'") return readAnsi(scan);
  if (!isQuoted && next === '"') return 'One';
  // An index of old, a line that goes on behind the dollar, a mark with which some shells match files by what a variable holds.
  if (next === '[' || scan.sees('\\\n') || scan.match(MARKED) !== undefined) scan.fail();
  return LITERAL_DOLLAR.test(next) || (isQuoted && next === "'") ? 'Literal' : 'One';
}

/** Some shells take what follows for an index, also in quotes, and reckon with it. */
function refuseIndex(scan: Scan, isQuoted: boolean): void {
  if (scan.next === '[' && (!isQuoted || scan.match(PLAIN_INDEX) === undefined)) scan.fail();
}

/** $'...', whose end every shell finds in the same place only without an escaped quote. */
function readAnsi(scan: Scan): Expansion {
  const end = scan.text.indexOf("'", scan.at + 1);
  if (end < 0 || scan.text[end - 1] === '\\') scan.fail();
  scan.at = end + 1;
  return 'One';
}

function readSubstitution(scan: Scan): void {
  readNested(scan, ')');
}

/** A list of commands up to the parenthesis that closes it. */
export function readNested(scan: Scan, close: ')'): void {
  const outer = scan.pending;
  scan.pending = [];
  scan.substitutions += 1;
  // A here-document that waits outside would take the next lines first.
  const start = scan.at;
  scan.within(() => scan.readList(scan));
  if (outer.length > 0 && scan.text.slice(start, scan.at).includes('\n')) scan.fail();
  scan.expect(close);
  scan.substitutions -= 1;
  if (scan.pending.length > 0) scan.fail();
  scan.pending = outer;
}

/** `...`, without a backslash in it: what one means there is told in several ways. */
export function readBackquotes(scan: Scan, isQuoted: boolean): void {
  const start = scan.at + 1;
  const end = scan.text.indexOf('`', start);
  const text = scan.text.slice(start, end);
  if (end < 0 || text.includes('\\') || (isQuoted && text.includes('"'))) return scan.fail();
  if (scan.pending.length > 0 && text.includes('\n')) return scan.fail();
  scan.inner(text, scan.readList);
  scan.at = end + 1;
}

function readBraces(scan: Scan): Expansion {
  const parameter = scan.match(PARAMETER);
  if (parameter === undefined) {
    scan.fail();
    return 'One';
  }
  const [text, name = ''] = parameter;
  scan.at += text.length;
  const kind = /[@*]$/.test(text) ? 'Several' : 'One';
  if (scan.takes('}')) return kind;
  const offset = scan.match(OFFSET);
  const operator = scan.match(OPERATOR)?.[0];
  if (offset !== undefined) scan.at += offset[0].length;
  else if (operator === undefined) scan.fail();
  else {
    scan.at += operator.length;
    if (operator.endsWith('=')) scan.found.assign(name);
    readOperand(scan);
  }
  return kind;
}

/** What follows an operator in braces: plain characters and expansions, for shells differ on quotes there. */
function readOperand(scan: Scan): void {
  scan.within(() => {
    while (!scan.takes('}')) {
      if (scan.next === '$') readDollar(scan, true);
      else if (scan.isAtEnd || /["'`\\{\n()<>&|;]/.test(scan.next)) return scan.fail();
      else scan.at += 1;
    }
  });
}

/** $(( ... )), read from behind its second parenthesis. */
function readArithmetic(scan: Scan): void {
  let open = 2;
  scan.within(() => {
    while (open > 0) {
      const plain = scan.match(ARITHMETIC)?.[0];
      if (plain !== undefined) {
        if (/[A-Za-z_]/.test(plain)) scan.found.hasArithmetic = true;
        scan.at += plain.length;
      } else if (scan.next === '$') {
        scan.found.hasArithmetic = true;
        readDollar(scan, true);
      } else if (scan.takes('(')) {
        open += 1;
      } else if (scan.takes(')')) {
        open -= 1;
        // Closed one by one it would be a substitution with a subshell in it.
        if (open === 1) {
          scan.expect(')');
          open = 0;
        }
      } else return scan.fail();
    }
  });
}
