import { MASKED, type MaskRules, type Span } from '@sidegate/policy';

/** How often each character of a text may be looked at in search of documents, on average. */
const LOOKS_MAX = 16;
const SCALAR = /-?\d[\d.eE+-]*|true|false|null/y;
/** Up to the quote that ends a string (RFC 8259, section 7). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a string has not
const STRING_REST = /(?:[^"\\\u0000-\u001f]|\\[^\u0000-\u001f])*/y;
const SPACE = /[ \t\r\n]*/y;
const DOCUMENT_BEGINS = /[ \t\r]*[[{]/y;
/** A name of a member, outside of any document that can be read. */
const NAME = /"\s*:/;

/** The objects and arrays of JSON that begin at the start of a line, over however many lines; one that is not ended goes on to the end of the text. */
export function findDocuments(text: string): readonly Span[] {
  const found: Span[] = [];
  const reader = new DocumentReader(text);
  for (let line = 0; line < text.length && !reader.isTired; ) {
    DOCUMENT_BEGINS.lastIndex = line;
    const end = DOCUMENT_BEGINS.test(text) ? reader.endOf(DOCUMENT_BEGINS.lastIndex - 1) : undefined;
    if (end !== undefined) found.push({ start: line, end: end === 'Open' ? text.length : end });
    if (end === 'Open') break;
    const next = text.indexOf('\n', end ?? line);
    if (next < 0) break;
    line = next + 1;
  }
  return found;
}

/** A text with the fields of its documents masked, and content in all of it. Where a member stands outside of any, nothing of the text is seen. */
export function maskDocuments(text: string, masks: MaskRules): string {
  const reader = new DocumentReader(text);
  let shown = '';
  let done = 0;
  const outside = (end: number): boolean => {
    const between = text.slice(done, end);
    shown += masks.maskContent(between);
    return !NAME.test(between);
  };
  for (let at = nextBracket(text, 0); at >= 0; ) {
    const end = reader.endOf(at);
    if (reader.isTired) return MASKED;
    if (typeof end === 'number') {
      if (!outside(at)) return MASKED;
      shown += masks.maskJson(text.slice(at, end));
      done = end;
    }
    at = end === 'Open' ? -1 : nextBracket(text, end ?? at + 1);
  }
  return outside(text.length) ? shown : MASKED;
}

function nextBracket(text: string, from: number): number {
  const [brace, bracket] = [text.indexOf('{', from), text.indexOf('[', from)];
  return brace < 0 || bracket < 0 ? Math.max(brace, bracket) : Math.min(brace, bracket);
}

/** Reads JSON without building it. */
class DocumentReader {
  readonly #text: string;
  #at = 0;
  #looked = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** So much was looked at in vain that nothing more is. */
  get isTired(): boolean {
    return this.#looked > (this.#text.length + 1) * LOOKS_MAX;
  }

  /** Behind the object or array that begins at a place; `Open`: it may go on behind the text; undefined: it is none. */
  endOf(start: number): number | 'Open' | undefined {
    this.#at = start;
    const open: ('{' | '[')[] = [];
    const end = this.#read(open);
    this.#looked += this.#at - start;
    return end;
  }

  #read(open: ('{' | '[')[]): number | 'Open' | undefined {
    for (let isFirst = false; ; ) {
      const mark = this.#peek();
      if (mark === '') return 'Open';
      const around = open.at(-1);
      if (isFirst && mark === (around === '{' ? '}' : ']')) {
        // Nothing is in it.
      } else {
        if (around === '{') {
          const named = this.#name();
          if (named !== true) return named;
        }
        const begun = this.#peek();
        if (begun === '') return 'Open';
        if (begun === '{' || begun === '[') {
          open.push(begun);
          this.#at += 1;
          isFirst = true;
          continue;
        }
        const value = begun === '"' ? this.#string() : this.#take(SCALAR);
        if (value !== true) return value;
      }
      const closed = this.#close(open);
      if (closed !== true) return closed;
      isFirst = false;
    }
  }

  /** Takes what closes, up to a comma. */
  #close(open: ('{' | '[')[]): number | 'Open' | true | undefined {
    for (;;) {
      const mark = this.#peek();
      if (mark === '') return 'Open';
      this.#at += 1;
      if (mark === ',') return true;
      if (mark !== (open.pop() === '{' ? '}' : ']')) return undefined;
      if (open.length === 0) return this.#at;
    }
  }

  #name(): true | 'Open' | undefined {
    const named = this.#peek() === '"' ? this.#string() : undefined;
    if (named !== true) return named;
    const colon = this.#peek();
    this.#at += 1;
    return colon === '' ? 'Open' : colon === ':' ? true : undefined;
  }

  #string(): true | 'Open' | undefined {
    this.#at += 1;
    this.#take(STRING_REST);
    const end = this.#text.charAt(this.#at);
    this.#at += 1;
    return end === '"' ? true : end === '' ? 'Open' : undefined;
  }

  #take(pattern: RegExp): true | undefined {
    pattern.lastIndex = this.#at;
    const isThere = pattern.test(this.#text);
    if (isThere) this.#at = pattern.lastIndex;
    return isThere || undefined;
  }

  /** The next character that is no space; empty: there is none. */
  #peek(): string {
    this.#take(SPACE);
    return this.#text.charAt(this.#at);
  }
}
