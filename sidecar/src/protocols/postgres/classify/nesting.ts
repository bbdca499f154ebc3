import { lexSql } from './lexer.ts';
import { words } from './words.ts';

/** Words after which one more node may hold the rest. They count until their bracket closes. */
const HARD: ReadonlySet<string> = new Set([
  'join',
  'select',
  'union',
  'intersect',
  'except',
  'not',
  'lateral',
  'values',
  'with',
]);
/** Words that end an operand: what came before them does not hold what comes after. */
const ENDS: ReadonlySet<string> = new Set([
  'and',
  'or',
  'when',
  'then',
  'else',
  'from',
  'where',
  'set',
  'group',
  'order',
  'limit',
]);

/** Words that are operators. */
const SOFT: ReadonlySet<string> = words('is isnull notnull collate at in like ilike similar between overlaps escape');

interface Level {
  readonly isCase: boolean;
  hard: number;
  soft: number;
}

/** What parsing a text will take. */
export interface Extent {
  /** An upper bound of how deep its parse tree can be. The parser writes its tree recursively and must not be given one that is deeper than its stack. */
  readonly nesting: number;
  /** How many words, literals and operators it has. */
  readonly tokens: number;
}

export function extentOf(text: string): Extent {
  const levels: Level[] = [{ isCase: false, hard: 0, soft: 0 }];
  let depth = 0;
  let deepest = 0;
  let previous = '';
  let tokens = 0;
  const close = (isCase: boolean): void => {
    const top = levels.at(-1);
    if (top === undefined || levels.length === 1 || top.isCase !== isCase) return;
    levels.pop();
    depth -= top.hard + top.soft + 1;
  };
  for (const token of lexSql(text)) {
    const top = levels.at(-1);
    if (top === undefined) break;
    const { kind } = token;
    if (kind === 'Space' || kind === 'Comment') continue;
    tokens += 1;
    if (kind === 'String' || kind === 'Number') continue;
    const piece =
      kind === 'Word' ? text.slice(token.start, token.end).toLowerCase() : text.slice(token.start, token.end);
    if (kind === 'Operator' && (piece === '(' || piece === '[')) {
      levels.push({ isCase: false, hard: 0, soft: 0 });
      depth += 1;
    } else if (kind === 'Operator' && (piece === ')' || piece === ']')) {
      while ((levels.at(-1)?.isCase ?? false) && levels.length > 1) close(true);
      close(false);
    } else if (kind === 'Operator' && piece === ';') {
      levels.splice(0, levels.length, { isCase: false, hard: 0, soft: 0 });
      depth = 0;
    } else if (kind === 'Operator' && piece === ',') {
      depth -= top.soft;
      top.soft = 0;
    } else if (kind === 'Operator') {
      if (piece !== '.') {
        top.soft += 1;
        depth += 1;
      }
    } else if (piece === 'case' && previous !== '.') {
      levels.push({ isCase: true, hard: 0, soft: 0 });
      depth += 1;
    } else if (piece === 'end' && previous !== '.') {
      close(true);
    } else if (HARD.has(piece)) {
      top.hard += 1;
      depth += 1;
    } else if (ENDS.has(piece)) {
      depth -= top.soft;
      top.soft = 0;
    } else if (SOFT.has(piece)) {
      top.soft += 1;
      depth += 1;
    }
    deepest = Math.max(deepest, depth);
    previous = piece;
  }
  return { nesting: deepest, tokens };
}
