import { lexSql } from './lexer.ts';
import { words } from './words.ts';

/** Statements in which a literal is data. In others it may be an option, a name or a count. */
const DATA_STATEMENTS = words('select insert update delete merge with values');

/** Stands before the letter of what was taken out. A text that holds it is not normalised. */
const MARK = '\u0001';

/** A longer text is not worth a place in a cache. */
const TEXT_LENGTH_MAX = 16_384;

/** Behind an operator that looks something up in a document of JSON. */
const BEHIND_LOOKUP = /(?:^|[^-+*/<>=~!@#%^&|`?])[-#]>>?[ \t\r\n]{0,8}$/;
/** Such an operator, what stands before it and space behind it. */
const LOOKUP_LENGTH = 12;

/** True for a literal that shapes keep, at this place: what it says may name a member of a document. */
export function isKey(text: string, start: number): boolean {
  return BEHIND_LOOKUP.test(text.slice(Math.max(0, start - LOOKUP_LENGTH), start));
}

/**
 * The shape of a text: every string and number replaced by a mark, but for those that look up a member of a document, comments and space by one blank. Two texts of one shape differ in the
 * values of their literals alone. Undefined when that cannot be promised: something that the lexer does not tell apart for certain, or
 * a kind of statement in which literals are more than data. Whether a reading depends on the values is the reader's to say.
 */
export function shapeOf(text: string): string | undefined {
  if (text.length > TEXT_LENGTH_MAX || text.includes(MARK)) return undefined;
  let shape = '';
  let isFirst = true;
  for (const { kind, start, end, certain } of lexSql(text)) {
    if (!certain) return undefined;
    switch (kind) {
      case 'Space':
      case 'Comment':
        if (!shape.endsWith(' ')) shape += ' ';
        break;
      case 'String':
      case 'Number':
        shape += isKey(text, start) ? text.slice(start, end) : MARK + (kind === 'String' ? 's' : 'n');
        break;
      case 'Word':
        if (isFirst && !DATA_STATEMENTS.has(text.slice(start, end).toLowerCase())) return undefined;
        isFirst = false;
        shape += text.slice(start, end);
        break;
      default: {
        const piece = text.slice(start, end);
        if (piece === ';') isFirst = true;
        shape += piece;
      }
    }
  }
  return shape;
}
