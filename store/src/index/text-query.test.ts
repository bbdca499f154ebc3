import { expect, test } from '@jest/globals';
import { textQuery } from './text-query.ts';

test.each([
  ['drop orders', '"drop" "orders"'],
  ['customer_*', '"customer_"*'],
  ['"from orders" select', '"from orders" "select"'],
  ['a AND b', '"a" "AND" "b"'],
  ['text:drop', '"text:drop"'],
  ['sel"ect', '"sel ect"'],
  ['"unclosed phrase', '" unclosed" "phrase"'],
  ['  * ( ) ', undefined],
  ['', undefined],
  ['naïve', '"naïve"'],
])('%j becomes %j', (text, query) => {
  expect(textQuery(text)).toBe(query);
});
