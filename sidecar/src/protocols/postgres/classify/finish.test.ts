import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { loadParser } from './parser.ts';
import { readSql } from './reading.ts';
import { openSqlState } from './state.ts';

const CATALOG = readFileSync(new URL('../fixture/catalog.json', import.meta.url), 'utf8');

beforeAll(loadParser);

function definitions(text: string, changed = CATALOG): string | undefined {
  const catalog = demoCatalog(changed);
  return readSql(text, catalog, openSqlState(catalog)).definitions;
}

test.each([
  ['DELETE FROM customer_contacts WHERE id = 1', 'email AS contact', 'city AS contact'],
  ['SELECT net(total) FROM orders', '1.2', '1.3'],
  ['PREPARE p AS SELECT name FROM customer_contacts; EXECUTE p', 'email AS contact', 'city AS contact'],
])('what %s uses has another digest when it is defined otherwise', (text, from, to) => {
  const changed = CATALOG.replaceAll(from, to);
  expect(changed).not.toBe(CATALOG);
  expect(definitions(text)).toMatch(/^[0-9a-f]{64}$/);
  expect(definitions(text)).toBe(definitions(text.replace('1', '2')));
  expect(definitions(text, changed)).not.toBe(definitions(text));
});

test('a text that uses tables and functions of the server alone has none', () => {
  expect(definitions('SELECT upper(name) FROM customers')).toBeUndefined();
});
