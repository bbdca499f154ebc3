import { expect, test } from '@jest/globals';
import type { CatalogQueryName, CatalogRows } from './catalog-queries.ts';
import type { CatalogResults } from './catalog-rows.ts';
import { missingNames } from './missing-names.ts';

const RESULTS = {
  relations: [
    ['1', 'public', 'customers', 'r', 'f', 'f', 'p', null],
    ['2', 'Sales', 'Orders', 'r', 'f', 'f', 'p', null],
  ],
  attributes: [
    ['1', '1', 'id', '23'],
    ['1', '2', 'email', '25'],
    ['2', '1', 'a.b', '25'],
    ['9', '1', 'of nothing that is told', '25'],
  ],
} satisfies Partial<Record<CatalogQueryName, CatalogRows>> as unknown as CatalogResults;

test.each([
  'public.customers',
  '*.customers',
  'PUBLIC.Customers',
  'sales.orders',
  'public.customers.email',
  '*.customers.EMAIL',
  'sales.orders.a.b',
])('%s is there', (name) => {
  expect(missingNames([name], RESULTS)).toEqual([]);
});

test.each(['public.custmers', 'sales.customers', 'public.customers.emial', '*.orders.email', 'public.customers.'])(
  '%s is not',
  (name) => {
    expect(missingNames([name, 'public.customers'], RESULTS)).toEqual([name]);
  },
);
