import { MASKED, type MaskRules, type Span } from '@sidegate/policy';

/** How often each character of a text may be looked at in search of documents, on average. */
const LOOKS_MAX = 16;
const SCALAR = /-?\d[\d.eE+-]*|true|false|null/y;
/** Up to the quote that ends a string (RFC 8259, section 7). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a string has not
const STRING_REST = /(?:[^"\\\u0000-\u001f]|\\[^\u0000-\u001f])*/y;
const SPACE = /[ \t\r\n]*/y;
const NO_SPACE = /[^ \t\r\n]/;
const DOCUMENT_BEGINS = /[ \t\r]*[[{]/y;
/** A name of a member, outside of any document that can be read. */
const NAME = /"\s*:/;

/** Brackets that are open, the innermost first. */
type Brackets = { readonly mark: '{' | '['; readonly around: Brackets } | undefined;

/** Where reading of a document goes on. */
interface Place {
  readonly at: number;
  readonly brackets: Brackets;
  /** A bracket was opened right before. */
  readonly isFirst: boolean;
}

const START: Place = { at: 0, brackets: undefined, isFirst: false };

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

/** A document that goes on behind the text in which it begins. */
export class OpenDocument {
  #text = '';
  #place: Place = START;

  /** False: with this behind it, it is at its end, or none. `text` ends with its line. */
  goesOn(text: string): boolean {
    // Between its words there may be any space.
    if (!NO_SPACE.test(text)) return true;
    const reader = new DocumentReader(this.#text + text);
    const isOpen = reader.endOf(0, this.#place) === 'Open';
    const { text: rest, place } = reader.rest;
    this.#text = rest;
    this.#place = place;
    return isOpen;
  }
}

/** Reads JSON without building it. */
class DocumentReader {
  readonly #text: string;
  #at = 0;
  #looked = 0;
  #place: Place = START;

  constructor(text: string) {
    this.#text = text;
  }

  /** Where what was `Open` goes on, and what is to be read again from there. */
  get rest(): { readonly text: string; readonly place: Place } {
    return { text: this.#text.slice(this.#place.at), place: { ...this.#place, at: 0 } };
  }

  /** So much was looked at in vain that nothing more is. */
  get isTired(): boolean {
    return this.#looked > (this.#text.length + 1) * LOOKS_MAX;
  }

  /** Behind the object or array that begins at a place; `Open`: it may go on behind the text; undefined: it is none. */
  endOf(start: number, place: Place = START): number | 'Open' | undefined {
    this.#at = start;
    const end = this.#read(place);
    this.#looked += this.#at - start;
    return end;
  }

  #read({ brackets, isFirst }: Place): number | 'Open' | undefined {
    for (;;) {
      this.#place = { at: this.#at, brackets, isFirst };
      const mark = this.#peek();
      if (mark === '') return 'Open';
      const around = brackets?.mark;
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
          brackets = { mark: begun, around: brackets };
          this.#at += 1;
          isFirst = true;
          continue;
        }
        const value = begun === '"' ? this.#string() : this.#take(SCALAR);
        if (value !== true) return value;
      }
      const closed = this.#close(brackets);
      if (typeof closed !== 'object') return closed;
      brackets = closed;
      isFirst = false;
    }
  }

  /** Takes what closes, up to a comma. */
  #close(brackets: Brackets): number | 'Open' | Brackets {
    for (let open = brackets; open !== undefined; ) {
      const mark = this.#peek();
      if (mark === '') return 'Open';
      this.#at += 1;
      if (mark === ',') return open;
      if (mark !== (open.mark === '{' ? '}' : ']')) return undefined;
      open = open.around;
    }
    return this.#at;
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
