/** A piece of a text of SQL, cut as PostgreSQL's scanner cuts it (scan.l). Offsets count UTF-16 units. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** False when the scanner may see an error here, or something that this lexer does not tell apart. */
  readonly certain: boolean;
}

export type TokenKind =
  | 'Space'
  | 'Comment'
  /** A string constant of any notation, with the parts that continue it on later lines. */
  | 'String'
  | 'Number'
  /** An identifier or keyword without quotes. */
  | 'Word'
  /** An identifier in double quotes. */
  | 'Identifier'
  | 'Parameter'
  /** One character of an operator or of punctuation. */
  | 'Operator';

const QUOTE = 39;
const BACKSLASH = 92;
const DOLLAR = 36;
const NEWLINE = 10;
const RETURN = 13;
const DASH = 45;
const SLASH = 47;
const STAR = 42;
const DOT = 46;

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128;
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === DOLLAR;
}

/** Cuts a text into tokens that cover it without gaps. Never throws; what is not terminated ends with the text and is not certain. */
export function lexSql(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let start = 0; start < text.length; ) {
    const token = nextToken(text, start);
    tokens.push(token);
    start = token.end;
  }
  return tokens;
}

function nextToken(text: string, start: number): Token {
  const code = text.charCodeAt(start);
  const next = start + 1 < text.length ? text.charCodeAt(start + 1) : 0;
  if (isSpace(code)) {
    let end = start + 1;
    while (end < text.length && isSpace(text.charCodeAt(end))) end++;
    return { kind: 'Space', start, end, certain: true };
  }
  if (code === DASH && next === DASH) return { kind: 'Comment', start, end: lineEnd(text, start), certain: true };
  if (code === SLASH && next === STAR) return blockComment(text, start);
  if (code === QUOTE) return quoted(text, start, start, 'Plain');
  if (code === 34) return identifier(text, start, start);
  if (code === DOLLAR) return dollar(text, start);
  if (isDigit(code) || (code === DOT && isDigit(next))) return number(text, start);
  if (isWordStart(code)) return word(text, start, next);
  return { kind: 'Operator', start, end: start + 1, certain: code !== 0 };
}

function lineEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && text.charCodeAt(end) !== NEWLINE && text.charCodeAt(end) !== RETURN) end++;
  return end;
}

function blockComment(text: string, start: number): Token {
  let depth = 1;
  let at = start + 2;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (code === SLASH && next === STAR) {
      depth += 1;
      at += 2;
    } else if (code === STAR && next === SLASH) {
      depth -= 1;
      at += 2;
      if (depth === 0) return { kind: 'Comment', start, end: at, certain: true };
    } else at += 1;
  }
  return { kind: 'Comment', start, end: text.length, certain: false };
}

/** The rest of a string constant; `at` is its first quote. */
function quoted(text: string, start: number, at: number, notation: 'Plain' | 'Escape'): Token {
  let certain = true;
  let open = at;
  for (;;) {
    let end = open + 1;
    for (; ; end++) {
      if (end >= text.length) return { kind: 'String', start, end: text.length, certain: false };
      const code = text.charCodeAt(end);
      if (code === BACKSLASH && notation === 'Escape') {
        // Some escapes can be wrong, and then the scanner refuses the text.
        if (!/[bfnrt\\']/.test(text[end + 1] ?? '')) certain = false;
        end++;
      } else if (code === QUOTE) {
        if (text.charCodeAt(end + 1) !== QUOTE) break;
        end++;
      }
    }
    const more = continuation(text, end + 1);
    if (more === undefined) return { kind: 'String', start, end: end + 1, certain };
    open = more;
    certain = false;
  }
}

/** Where the next part of a string begins that continues on a later line: whitespace with a newline, then a quote. */
function continuation(text: string, from: number): number | undefined {
  let hasNewline = false;
  for (let at = from; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return hasNewline ? at : undefined;
    if (code === NEWLINE || code === RETURN) hasNewline = true;
    if (isSpace(code)) at += 1;
    else if (code === DASH && text.charCodeAt(at + 1) === DASH) at = lineEnd(text, at);
    else return undefined;
  }
  return undefined;
}

function identifier(text: string, start: number, at: number): Token {
  for (let end = at + 1; end < text.length; end++) {
    if (text.charCodeAt(end) !== 34) continue;
    if (text.charCodeAt(end + 1) !== 34) return { kind: 'Identifier', start, end: end + 1, certain: start === at };
    end++;
  }
  return { kind: 'Identifier', start, end: text.length, certain: false };
}

/** `$1`, `$$...$$`, `$tag$...$tag$`. */
function dollar(text: string, start: number): Token {
  let end = start + 1;
  if (isDigit(text.charCodeAt(end))) {
    while (isDigit(text.charCodeAt(end))) end++;
    return { kind: 'Parameter', start, end, certain: !isWordPart(text.charCodeAt(end)) };
  }
  if (isWordStart(text.charCodeAt(end))) {
    while (isWordPart(text.charCodeAt(end)) && text.charCodeAt(end) !== DOLLAR) end++;
  }
  if (text.charCodeAt(end) !== DOLLAR) return { kind: 'Operator', start, end: start + 1, certain: false };
  const tag = text.slice(start, end + 1);
  const close = text.indexOf(tag, end + 1);
  if (close < 0) return { kind: 'String', start, end: text.length, certain: false };
  return { kind: 'String', start, end: close + tag.length, certain: true };
}

const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;

function number(text: string, start: number): Token {
  NUMBER.lastIndex = start;
  const end = start + (NUMBER.exec(text)?.[0].length ?? 1);
  const after = text.charCodeAt(end);
  const last = text.charCodeAt(end - 1);
  // `1_000`, `0x1F`, `12abc`, `1..2`, `..1` and `1.` are left to the parser.
  const certain = isDigit(last) && !isWordPart(after) && after !== DOT && text.charCodeAt(start - 1) !== DOT;
  return { kind: 'Number', start, end, certain };
}

function word(text: string, start: number, next: number): Token {
  const letter = text.charCodeAt(start) | 32;
  if (next === QUOTE) {
    // e'', b'', x'', n''.
    if (letter === 101) return quoted(text, start, start + 1, 'Escape');
    if (letter === 98 || letter === 120 || letter === 110) {
      return { ...quoted(text, start, start + 1, 'Plain'), certain: false };
    }
  }
  if (letter === 117 && next === 38) {
    const quote = text.charCodeAt(start + 2);
    if (quote === QUOTE) return { ...quoted(text, start, start + 2, 'Plain'), certain: false };
    if (quote === 34) return { ...identifier(text, start, start + 2), certain: false };
  }
  let end = start + 1;
  while (end < text.length && isWordPart(text.charCodeAt(end))) end++;
  return { kind: 'Word', start, end, certain: true };
}
