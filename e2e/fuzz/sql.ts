import { readFileSync } from 'node:fs';
import type { MaskRules } from '@sidegate/policy';
import * as fc from 'fast-check';
import { parseSync, scanSync } from 'libpg-query';
import type { Catalog } from '../../sidecar/src/protocols/postgres/catalog.ts';
import { lexSql } from '../../sidecar/src/protocols/postgres/classify/lexer.ts';
import { shapeOf } from '../../sidecar/src/protocols/postgres/classify/normalise.ts';
import { loadParser } from '../../sidecar/src/protocols/postgres/classify/parser.ts';
import { readSql, readWhole } from '../../sidecar/src/protocols/postgres/classify/reading.ts';
import { openSqlState } from '../../sidecar/src/protocols/postgres/classify/state.ts';
import { demoCatalog } from '../../sidecar/src/protocols/postgres/fixture/demo-catalog.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { modelMasks } from './model-reading.ts';
import { PLAIN, spell, spellings, sqlOnSsn, sqlTexts, withLiterals } from './sql-statements.ts';

const CATALOG_FILE = '../../sidecar/src/protocols/postgres/fixture/catalog.json';
const HIDDEN = 'HIDDEN-4711';

let catalog: Catalog | undefined;

async function prepare(): Promise<void> {
  await loadParser();
  catalog ??= demoCatalog(readFileSync(new URL(CATALOG_FILE, import.meta.url), 'utf8'));
}

function demo(): Catalog {
  if (catalog === undefined) throw new Error('the catalog is not loaded');
  return catalog;
}

/** A reading, made anew, as text; only what it shows of its own text is left out. */
function meaningOf(text: string): string {
  return show(readWhole(text, demo(), openSqlState(demo())).reading);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (part instanceof Map) return [...part];
    return part instanceof Set ? [...part] : part;
  });
}

const literalTexts = fc.array(
  fc.oneof(
    fc.constantFrom('', 'x', '1', "it's", '%', 'now', 'public'),
    fc.string({ unit: 'grapheme-ascii', maxLength: 5 }),
  ),
  { minLength: 1, maxLength: 4 },
);
const literalNumbers = fc.array(fc.constantFrom('0', '1', '2', '7', '3.5', '1e3', '99999999999999999999'), {
  minLength: 1,
  maxLength: 4,
});

const LITERAL_TOKENS = new Set(['SCONST', 'USCONST', 'XCONST', 'BCONST', 'ICONST', 'FCONST']);

/** Where PostgreSQL's scanner sees literals, in UTF-16 units. Undefined where its binding fails: it leaves control characters in its JSON. */
function scannedLiterals(text: string): readonly string[] | undefined {
  const bytes = Buffer.from(text);
  const units = (at: number): number => bytes.subarray(0, at).toString('utf8').length;
  let tokens: ReturnType<typeof scanSync>['tokens'];
  try {
    ({ tokens } = scanSync(text));
  } catch {
    return undefined;
  }
  return tokens
    .filter(({ tokenName }) => LITERAL_TOKENS.has(tokenName))
    .map(({ start, end }) => `${units(start)}-${units(end)}`);
}

function parses(text: string): boolean {
  try {
    parseSync(text);
    return true;
  } catch {
    return false;
  }
}

const hiding: MaskRules = {
  ...modelMasks(true),
  maskValue: () => '[masked]',
};

/** The fuzzers of reading SQL. */
export const SQL_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'sql-spelling',
    promise: 'White space, comments, case, quotes and the notation of strings do not change what a text means.',
    prepare,
    cases: fc.tuple(sqlTexts, spellings),
    check([statements, spelling]) {
      const plain = spell(statements, PLAIN);
      const other = spell(statements, spelling);
      const [expected, given] = [meaningOf(plain), meaningOf(other)];
      return given === expected
        ? undefined
        : `${JSON.stringify(other)} reads ${given}, ${JSON.stringify(plain)} reads ${expected}`;
    },
  }),
  defineFuzzer({
    name: 'sql-shape',
    promise:
      'A text that differs in its literals from one that was read before is read and shown as if it were read anew.',
    prepare,
    cases: fc.tuple(sqlTexts, literalTexts, literalNumbers, spellings, spellings),
    check([statements, texts, numbers, spelling, otherSpelling]) {
      const one = spell(statements, spelling);
      const written = withLiterals(statements, texts, numbers);
      const state = openSqlState(demo());
      readSql(one, demo(), state);
      for (const other of [spell(written, spelling), spell(written, otherSpelling)]) {
        if (shapeOf(one) !== shapeOf(other) || !parses(other)) continue;
        const [fresh, reused] = [readWhole(other, demo(), state).reading, readSql(other, demo(), state)];
        if (show(fresh) !== show(reused))
          return `after ${JSON.stringify(one)}, ${JSON.stringify(other)} reads ${show(reused)}, not ${show(fresh)}`;
        const [expected, shown] = [fresh.masksText(hiding), reused.masksText(hiding)];
        if (shown !== expected)
          return `after ${JSON.stringify(one)}, ${JSON.stringify(other)} is shown as ${JSON.stringify(shown)}, not ${JSON.stringify(expected)}`;
      }
      return undefined;
    },
  }),
  defineFuzzer({
    name: 'sql-lexer',
    promise: "The lexer finds literals where PostgreSQL's scanner finds them, or says that it is not certain.",
    prepare,
    cases: fc.tuple(
      sqlTexts,
      spellings,
      fc.nat(300),
      fc.constantFrom('', "'", '"', '$', '\\', '/*', '--', '\n', 'E', '1', '.', 'é', 'U&'),
    ),
    check([statements, spelling, at, put]) {
      const whole = spell(statements, spelling);
      for (const text of [
        whole,
        whole.slice(0, at) + put + whole.slice(at),
        whole.slice(0, at) + put + whole.slice(at + 1),
      ]) {
        const tokens = lexSql(text);
        const covered = tokens.map(({ start, end }) => text.slice(start, end)).join('');
        if (covered !== text) return `does not cover ${JSON.stringify(text)}`;
        if (!parses(text) || tokens.some(({ certain }) => !certain)) continue;
        const own = tokens
          .filter(({ kind }) => kind === 'String' || kind === 'Number')
          .map(({ start, end }) => `${start}-${end}`);
        const scanned = scannedLiterals(text);
        if (scanned === undefined) continue;
        if (own.join() !== scanned.join())
          return `${JSON.stringify(text)}: ${own.join()}, the scanner has ${scanned.join()}`;
      }
      return undefined;
    },
  }),
  defineFuzzer({
    name: 'sql-damaged',
    promise: 'Any text at all is read without a throw, and one that the parser refuses is never complete.',
    prepare,
    cases: fc.tuple(
      sqlTexts,
      spellings,
      fc.nat(300),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'binary' }),
    ),
    check([statements, spelling, at, put, noise]) {
      const whole = spell(statements, spelling);
      for (const text of [whole.slice(0, at) + put + whole.slice(at + 1), noise]) {
        const reading = readSql(text, demo(), openSqlState(demo()));
        reading.masksText(hiding);
        if (reading.command.complete && text.trim() !== '' && !parses(text)) return `complete: ${JSON.stringify(text)}`;
      }
      return undefined;
    },
  }),
  defineFuzzer({
    name: 'sql-literals',
    promise: 'A literal that meets a masked column is not in the text that is shown.',
    prepare,
    cases: fc.tuple(sqlOnSsn(HIDDEN), spellings),
    check([statements, spelling]) {
      const text = spell(statements, spelling);
      const reading = readSql(text, demo(), openSqlState(demo()));
      const shown = reading.masksText(hiding);
      return shown.includes('4711') ? `${JSON.stringify(text)} is shown as ${JSON.stringify(shown)}` : undefined;
    },
  }),
];
