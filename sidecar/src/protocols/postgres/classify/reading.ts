import type { Node } from 'libpg-query';
import { type Catalog, isCatalog } from '../catalog.ts';
import type { ReadSql, SqlReading, SqlState, StatementReading } from '../sql-reading.ts';
import { unread } from '../unread.ts';
import { Findings } from './findings.ts';
import { finish, type LiteralColumns, placeLiterals } from './finish.ts';
import { maskSqlText } from './mask-text.ts';
import { parseSql } from './parser.ts';
import { afterChanges, afterEffect } from './state.ts';
import { readStatement } from './walk.ts';
import { WALKERS } from './walkers.ts';
import { words } from './words.ts';

/** A reading, and whether it holds for every text of the same shape. */
export interface WholeReading {
  readonly reading: SqlReading;
  readonly shapeDecides: boolean;
  /** By place among the literals of the text, the columns that each meets. */
  readonly literals: LiteralColumns;
}

/** Reads a text anew. */
export function readWhole(text: string, catalog: Catalog, state: SqlState): WholeReading {
  const findings = new Findings(catalog, state, WALKERS);
  const parsed = readable(text, state, findings) ? parseSql(text) : undefined;
  const statements: StatementReading[] = [];
  if (parsed !== undefined && parsed.ok) readStatements(parsed.value, findings, statements);
  else if (parsed !== undefined) findings.incomplete(parsed.fault.kind, parsed.fault.detail);
  const literals = placeLiterals(text, findings);
  return {
    reading: finish(findings, statements, text, literals),
    shapeDecides: findings.shapeDecides && parsed?.ok === true && !findings.ofThisMoment,
    literals,
  };
}

/** Encodings in which a byte below 128 is always the ASCII character, also inside of other characters. */
const PLAIN_ENCODINGS = words('UTF8 UNICODE SQLASCII LATIN1 LATIN2 LATIN9 WIN1250 WIN1251 WIN1252');

/** Notes why a text cannot be read under the session's settings. */
function readable(text: string, state: SqlState, findings: Findings): boolean {
  if (state.standardConformingStrings !== true && text.includes('\\')) {
    findings.incomplete('StringSyntax', 'Backslashes in strings may be escapes in this session.');
    return false;
  }
  if (state.clientEncoding !== undefined && !PLAIN_ENCODINGS.has(state.clientEncoding)) {
    findings.incomplete('ClientEncoding', `Text in the encoding ${state.clientEncoding} is not read.`);
    return false;
  }
  return true;
}

function readStatements(nodes: readonly Node[], findings: Findings, statements: StatementReading[]): void {
  let hasSet = false;
  for (const node of nodes) {
    const reading = readStatement(node, findings);
    statements.push(reading);
    const { sessionEffect, changes = [] } = reading;
    if (sessionEffect !== undefined) {
      // A setting made before in this text may or may not outlive the transaction.
      const isLost = hasSet && sessionEffect.kind === 'Commit';
      if (sessionEffect.kind === 'Set' && sessionEffect.local) hasSet = true;
      findings.state = afterEffect(findings.state, isLost ? { kind: 'Unknown' } : sessionEffect, findings.catalog);
    }
    findings.state = afterChanges(findings.state, changes);
  }
}

/** A reading of the same shape for another text: only what it shows of its literals differs. */
export function withText({ reading, literals }: WholeReading, text: string): SqlReading {
  return { ...reading, masksText: (masks) => maskSqlText(text, (index) => literals[index] ?? [], masks) };
}

/** Reads one text of SQL; see `ReadSql`. The parser must have been loaded (`loadParser`), and the catalog come from `buildCatalog`. */
export const readSql: ReadSql = (text, catalog, state) =>
  isCatalog(catalog) ? readWhole(text, catalog, state).reading : unread(text);
