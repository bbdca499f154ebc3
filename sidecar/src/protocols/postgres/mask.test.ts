import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import type { Catalog } from './catalog.ts';
import { loadParser } from './classify/parser.ts';
import { readSql } from './classify/reading.ts';
import { openSqlState } from './classify/state.ts';
import { demoCatalog } from './fixture/demo-catalog.ts';
import { MaskPlanner } from './mask.ts';
import { fakeMasks } from './testing/fake-masks.ts';

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(readFileSync(new URL('fixture/catalog.json', import.meta.url), 'utf8'));
});

test.each([
  ['SELECT email FROM customers', 'Hash'],
  ['SELECT email FROM customers UNION ALL SELECT email FROM customers', 'Hash'],
  ['SELECT email FROM customers UNION ALL SELECT NULL', 'Hash'],
  ["SELECT email FROM customers UNION ALL SELECT 'ada@example.com'", 'Redact'],
  ["SELECT lower('A' || g) FROM generate_series(1, 9) g UNION ALL SELECT email FROM customers", 'Redact'],
  ['VALUES ($1), ((SELECT email FROM customers LIMIT 1))', 'Redact'],
  ["WITH RECURSIVE r(v) AS (SELECT 'a' UNION ALL SELECT email FROM r, customers) SELECT v FROM r", 'Redact'],
  ["SELECT x FROM (SELECT email AS x FROM customers UNION ALL SELECT 'a') s", 'Redact'],
  ['SELECT city FROM customers UNION ALL SELECT email FROM customers', 'Redact'],
])('a hash stands for nothing that the statement itself could have given: %s', (text, type) => {
  const masks = fakeMasks({ 'public.customers.email': { type: 'Hash' } });
  const [origin] = readSql(text, catalog, openSqlState(catalog)).statements[0]?.outputs ?? [];
  expect(new MaskPlanner(masks, catalog).originMask(origin, true)?.with.type).toBe(type);
});
