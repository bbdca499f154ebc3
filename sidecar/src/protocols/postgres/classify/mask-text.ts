import { type Mask, type MaskRules, strongerMask } from '@sidegate/policy';
import type { BaseColumn } from '../sql-reading.ts';
import { lexSql, type Token } from './lexer.ts';
import { SQL_TOKENS_MAX } from './parser.ts';

/** Finds the columns that the nth literal of a text meets; undefined when that cannot be told. */
export type ColumnsOfLiteral = (index: number) => readonly BaseColumn[] | undefined;

/** The tokens that count as literals, in order. */
export function literalTokens(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter(({ kind }) => kind === 'String' || kind === 'Number');
}

/**
 * The text with literals masked that meet masked columns, then with content detectors run over all of it, comments too. A literal of which nobody can
 * tell what it meets is redacted where columns are masked; where even the ends of such literals are not certain, so is the whole text.
 */
export function maskSqlText(text: string, columnsOf: ColumnsOfLiteral, masks: MaskRules): string {
  return masks.empty ? text : maskTokens(text, lexSql(text), columnsOf, masks);
}

/** The same for a text that is cut into tokens; each token is looked at a few times at most. */
export function maskTokens(
  text: string,
  tokens: readonly Token[],
  columnsOf: ColumnsOfLiteral,
  masks: MaskRules,
): string {
  const literals = literalTokens(tokens);
  // So long a text was not read, and nobody reads it here.
  if (masks.columns && literals.length > LITERALS_MAX) return REDACTED;
  let masked = '';
  let from = 0;
  let endsAreSure: boolean | undefined;
  for (const [index, token] of literals.entries()) {
    const columns = columnsOf(index);
    const isUntold = columns === undefined && masks.columns;
    // Where the text could not be read whole, a backslash may or may not have been an escape.
    if (isUntold) endsAreSure ??= !text.includes('\\') && tokens.every(({ certain }) => certain);
    if (isUntold && endsAreSure !== true) return REDACTED;
    const mask = isUntold ? redact(masks) : strongest(columns ?? [], masks);
    const literal = text.slice(token.start, token.end);
    const shown = mask === undefined ? maskFields(literal, masks) : maskToken(literal, mask, masks);
    if (shown === literal) continue;
    masked += text.slice(from, token.start) + shown;
    from = token.end;
  }
  return masks.maskContent(masked + text.slice(from));
}

const REDACTED = '[masked]';
/** A text with more literals is too large to be read (`SQL_TOKENS_MAX`). */
const LITERALS_MAX = SQL_TOKENS_MAX;

function redact(masks: MaskRules): Mask {
  return { rule: masks.unknownOrigin.rule, with: { type: 'Redact' } };
}

function strongest(columns: readonly BaseColumn[], masks: MaskRules): Mask | undefined {
  let found: Mask | undefined;
  for (const { schema, table, column } of columns) {
    const mask = masks.columnMask(schema, table, column);
    if (mask !== undefined) found = found === undefined ? mask : strongerMask(found, mask);
  }
  return found;
}

/** A literal that is a document, with its fields masked. */
function maskFields(token: string, masks: MaskRules): string {
  if (masks.fields.length === 0 || !/[[{]/.test(token)) return token;
  const body = bodyOf(token).replaceAll("''", "'");
  const masked = masks.maskJson(body);
  return masked === body ? token : quoted(masked);
}

/** The content of a string constant without its quotes; escapes stay as they are written. */
function maskToken(token: string, mask: Mask, masks: MaskRules): string {
  const masked = masks.maskValue(mask, bodyOf(token));
  return masked === null ? 'NULL' : quoted(masked);
}

function bodyOf(token: string): string {
  return /^[A-Za-z]?&?'([^]*)'$/.exec(token)?.[1] ?? /^(\$[^$]*\$)([^]*)\1$/.exec(token)?.[2] ?? token;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
