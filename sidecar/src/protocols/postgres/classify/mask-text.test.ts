import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { buildJsonMask, type MaskRules } from '@sidegate/policy';
import type { Catalog } from '../catalog.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { fakeMasks } from '../testing/fake-masks.ts';
import { lexSql } from './lexer.ts';
import { maskTokens } from './mask-text.ts';
import { loadParser, SQL_TOKENS_MAX } from './parser.ts';
import { readSql } from './reading.ts';
import { openSqlState } from './state.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8'));
});

const onSsn = fakeMasks({ 'public.customers.ssn': { type: 'Redact' } });
const onContent = fakeMasks({}, 'HIDDEN');

function shown(text: string, masks: MaskRules): string {
  return readSql(text, catalog, openSqlState(catalog)).masksText(masks);
}

describe('the text of a command as it is shown where columns are masked', () => {
  test.each([
    [
      'a literal that meets one',
      "SELECT 1 FROM customers WHERE ssn = 'HIDDEN'",
      "SELECT 1 FROM customers WHERE ssn = '[masked]'",
    ],
    [
      'a literal that meets another',
      "SELECT 1 FROM customers WHERE city = 'Leeds' LIMIT 5",
      "SELECT 1 FROM customers WHERE city = 'Leeds' LIMIT 5",
    ],
    [
      'a statement that cannot be parsed',
      "INSERT INTO customers (ssn) VALUES ('HIDDEN'",
      "INSERT INTO customers (ssn) VALUES ('[masked]'",
    ],
    ['a string that does not end', "INSERT INTO customers (ssn) VALUES ('HIDDEN", '[masked]'],
    ['a backslash in what cannot be read', "SELECT ssn FROM customers WHERE ssn = 'a\\'HIDDEN", '[masked]'],
    [
      'a table that nobody knows',
      "SELECT 1 FROM nowhere WHERE ssn = 'HIDDEN'",
      "SELECT '[masked]' FROM nowhere WHERE ssn = '[masked]'",
    ],
    [
      'what follows a statement of unknown effect',
      "EXECUTE p; INSERT INTO customers VALUES (1, '', '', 'HIDDEN')",
      "EXECUTE p; INSERT INTO customers VALUES ('[masked]', '[masked]', '[masked]', '[masked]')",
    ],
    ['no literal at all', 'SELECT FROM WHERE', 'SELECT FROM WHERE'],
  ])('%s', (_story, text, expected) => {
    expect(shown(text, onSsn)).toBe(expected);
  });

  test('fields of documents are masked in literals', () => {
    const field = { path: '$.ssn', mask: { rule: 'test', with: { type: 'Redact' } } } as const;
    const onField = {
      ...fakeMasks({}),
      fields: [field],
      maskJson: buildJsonMask([field], (text) => text, Buffer.from('key')),
    };
    for (const [open, close] of [
      ["'", "'"],
      ["E'", "'"],
      ['$$', '$$'],
    ]) {
      expect(shown(`INSERT INTO orders (data) VALUES (${open}{"ssn": "HIDDEN", "a": 1}${close})`, onField)).toBe(
        `INSERT INTO orders (data) VALUES ('{"ssn": "[masked]", "a": 1}')`,
      );
    }
    expect(shown(`INSERT INTO orders (data) VALUES ('{"a": "it''s"}')`, onField)).toContain(`'{"a": "it''s"}'`);
  });

  test('without masked columns only contents are masked', () => {
    expect(shown("SELECT 1 FROM nowhere WHERE a = 'x' AND b = 'HIDDEN'", onContent)).toBe(
      "SELECT 1 FROM nowhere WHERE a = 'x' AND b = '******'",
    );
  });
});

describe('a text of many literals that was not read', () => {
  const many = (count: number): string => `SELECT unknown(${'1,'.repeat(count)}'HIDDEN')`;

  test('is looked through once, however many literals it has', () => {
    let looks = 0;
    const text = many(2_000);
    const tokens = lexSql(text).map((token) => ({
      ...token,
      get certain() {
        looks += 1;
        return token.certain;
      },
    }));
    expect(maskTokens(text, tokens, () => undefined, onSsn)).not.toContain('HIDDEN');
    expect(looks).toBe(tokens.length);
  });

  test('is shown with each of them masked, and not at all when it is too large to be read', () => {
    expect(shown(many(20), onSsn)).not.toContain('HIDDEN');
    expect(shown(many(20), onSsn)).toContain('SELECT unknown(');
    expect(shown(many(SQL_TOKENS_MAX), onSsn)).toBe('[masked]');
  });
});
