import { fail, ok, type Result } from '@sidegate/crds';
import type { Incompleteness } from '@sidegate/policy';
import { hasSqlDetails, loadModule, type Node, parseSync } from 'libpg-query';
import { extentOf } from './nesting.ts';

/** A longer text is refused before it is parsed: its tree would take a hundred times its size. */
export const SQL_BYTES_MAX = 1 << 20;
/**
 * A text of more words, literals and operators is refused before it is parsed: everybody else's commands wait while one is read. An INSERT with as
 * many parameters as the protocol takes (65,535) has fewer.
 */
export const SQL_TOKENS_MAX = 160_000;
/** A text that may nest deeper is refused before it is parsed. The parser's own stack holds about 2500. */
export const SQL_NESTING_MAX = 800;

/**
 * True once the parser ran out of stack or trapped: its memory is in no known state then, and it may never return. The bounds above are
 * there so that this cannot happen.
 */
let isBroken = false;

/** The statements of a text as PostgreSQL's own parser reads them, or why they cannot be told. Never throws. */
export function parseSql(text: string): Result<readonly Node[], Incompleteness> {
  if (text.length > SQL_BYTES_MAX || Buffer.byteLength(text) > SQL_BYTES_MAX) {
    return fail({ kind: 'TooLarge', detail: `It is longer than ${SQL_BYTES_MAX} bytes.` });
  }
  if (text.includes('\0')) return fail({ kind: 'Unparsable', detail: 'It contains a zero byte.' });
  const { nesting, tokens } = extentOf(text);
  if (tokens > SQL_TOKENS_MAX) {
    return fail({ kind: 'TooLarge', detail: `It has more than ${SQL_TOKENS_MAX} words, literals and operators.` });
  }
  if (nesting > SQL_NESTING_MAX) {
    return fail({ kind: 'TooLarge', detail: `It may nest deeper than ${SQL_NESTING_MAX}.` });
  }
  // The parser takes an empty text for a mistake; to the server it is a text without statements.
  if (text.trim() === '') return ok([]);
  if (isBroken) return fail({ kind: 'Unparsable', detail: 'The parser broke down; the gate must be started anew.' });
  try {
    const statements: Node[] = [];
    for (const { stmt } of parseSync(text).stmts ?? []) if (stmt !== undefined) statements.push(stmt);
    return ok(statements);
  } catch (error) {
    isBroken ||= error instanceof RangeError || (error instanceof Error && error.name === 'RuntimeError');
    // The parser's message quotes the text, which may hold what must not be shown; the place says enough.
    const place = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) + 1 : 0;
    return fail({ kind: 'Unparsable', detail: `PostgreSQL's parser cannot read it at position ${place}.` });
  }
}

/** Loads the parser. Awaited once at the start of a program; without it every text counts as unparsable. */
export async function loadParser(): Promise<void> {
  await loadModule();
}
