import type { Mask, MaskRules } from '@sidegate/policy';
import type { BaseColumn } from '../sql-reading.ts';
import { lexSql, type Token } from './lexer.ts';

/** Finds the columns that the nth literal of a text meets. */
export type ColumnsOfLiteral = (index: number) => readonly BaseColumn[];

/** The tokens that count as literals, in order. */
export function literalTokens(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter(({ kind }) => kind === 'String' || kind === 'Number');
}

/** The text with literals masked that meet masked columns, then with content detectors run over all of it, comments too. */
export function maskSqlText(text: string, columnsOf: ColumnsOfLiteral, masks: MaskRules): string {
  if (masks.empty) return text;
  let masked = '';
  let from = 0;
  for (const [index, token] of literalTokens(lexSql(text)).entries()) {
    const mask = strongest(columnsOf(index), masks);
    if (mask === undefined) continue;
    masked += text.slice(from, token.start) + maskToken(text.slice(token.start, token.end), mask, masks);
    from = token.end;
  }
  return masks.maskContent(masked + text.slice(from));
}

const STRENGTH: Readonly<Record<Mask['with']['type'], number>> = { Partial: 1, Hash: 2, Redact: 3, Null: 4 };

function strongest(columns: readonly BaseColumn[], masks: MaskRules): Mask | undefined {
  let found: Mask | undefined;
  for (const { schema, table, column } of columns) {
    const mask = masks.columnMask(schema, table, column);
    if (mask !== undefined && (found === undefined || STRENGTH[mask.with.type] > STRENGTH[found.with.type]))
      found = mask;
  }
  return found;
}

/** The content of a string constant without its quotes; escapes stay as they are written. */
function maskToken(token: string, mask: Mask, masks: MaskRules): string {
  const body = /^[A-Za-z]?&?'([^]*)'$/.exec(token)?.[1] ?? /^(\$[^$]*\$)([^]*)\1$/.exec(token)?.[2] ?? token;
  const masked = masks.maskValue(mask, body);
  return masked === null ? 'NULL' : `'${masked.replaceAll("'", "''")}'`;
}
