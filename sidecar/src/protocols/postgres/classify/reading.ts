import type { Node } from 'libpg-query';
import { type Catalog, isCatalog } from '../catalog.ts';
import type { ReadSql, SqlReading, SqlState, StatementReading } from '../sql-reading.ts';
import { unread } from '../unread.ts';
import { Findings } from './findings.ts';
import { finish, placeLiterals, textMasker } from './finish.ts';
import { lexSql } from './lexer.ts';
import { literalTokens } from './mask-text.ts';
import { isKey, shapeOf } from './normalise.ts';
import { parseSql } from './parser.ts';
import { ShapeCache, type WholeReading } from './shape-cache.ts';
import { afterChanges, afterEffect } from './state.ts';
import { readStatement } from './walk.ts';
import { WALKERS } from './walkers.ts';
import { words } from './words.ts';

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
    shapeDecides:
      findings.shapeDecides && parsed?.ok === true && !findings.ofThisMoment && shapeKeeps(findings.keys, text),
    literals,
  };
}

/** True when the shape of the text tells what these literals say. */
function shapeKeeps(keys: ReadonlySet<number>, text: string): boolean {
  if (keys.size === 0) return true;
  const kept = literalTokens(lexSql(text)).filter(({ start }) => isKey(text, start));
  const places = new Set(kept.map(({ start }) => Buffer.byteLength(text.slice(0, start))));
  return [...keys].every((place) => places.has(place));
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
  for (const [index, node] of nodes.entries()) {
    const reading = readStatement(node, findings);
    statements.push(reading);
    const { sessionEffect } = reading;
    if (sessionEffect !== undefined) {
      // What the session began with is in no key.
      const isReset = sessionEffect.kind === 'Reset' || sessionEffect.kind === 'DiscardAll';
      if (isReset && index + 1 < nodes.length) findings.ofThisMoment = true;
      // A setting made before in this text may or may not outlive the transaction.
      const isLost = hasSet && sessionEffect.kind === 'Commit';
      if (sessionEffect.kind === 'Set' && sessionEffect.local) hasSet = true;
      findings.state = afterEffect(findings.state, isLost ? { kind: 'Unknown' } : sessionEffect, findings.catalog);
    }
    findings.state = afterChanges(findings.state, reading);
  }
}

/** A reading of the same shape for another text: only what it shows of its literals differs. */
export function withText({ reading, literals }: WholeReading, text: string): SqlReading {
  return { ...reading, masksText: textMasker(text, literals, reading.command) };
}

/** The shapes read so far, for as long as their catalog lives. */
const shapes = new WeakMap<Catalog, ShapeCache>();

function shapesOf(catalog: Catalog): ShapeCache {
  let cache = shapes.get(catalog);
  if (cache === undefined) {
    cache = new ShapeCache();
    shapes.set(catalog, cache);
  }
  return cache;
}

/** Reads a text, or finds that one of its shape was read: then only what it shows of its literals is its own. */
function readByShape(text: string, catalog: Catalog, state: SqlState): SqlReading {
  const shape = shapeOf(text);
  if (shape === undefined) return readWhole(text, catalog, state).reading;
  const cache = shapesOf(catalog);
  const key = `${state.settingsKey}\n${shape}`;
  const known = cache.get(key);
  if (known !== undefined && known !== 'ByText') return withText(known, text);
  const whole = readWhole(text, catalog, state);
  if (known === undefined && !whole.reading.ofThisMoment) cache.set(key, whole.shapeDecides ? whole : 'ByText');
  return whole.reading;
}

/** Reads one text of SQL; see `ReadSql`. The parser must have been loaded (`loadParser`), and the catalog come from `buildCatalog`. */
export const readSql: ReadSql = (text, catalog, state) =>
  isCatalog(catalog) ? readByShape(text, catalog, state) : unread(text);
