import { expect, test } from '@jest/globals';
import { type Column, cut, tableLines } from './table.ts';

const COLUMNS: readonly Column<readonly [string, string, string]>[] = [
  { title: 'ID', value: ([id]) => id },
  { title: 'AGENT', value: ([, agent]) => agent, yields: true },
  { title: 'DENIED', value: ([, , denied]) => denied, align: 'right' },
];

test('an agent with a long name does not push the columns behind it out of sight', () => {
  const rows = [
    ['a', 'x'.repeat(512), '3'],
    ['b', 'bot', ''],
  ] as const;
  expect(tableLines(COLUMNS, rows, 30)).toEqual([
    'ID  AGENT               DENIED',
    'a   xxxxxxxxxxxxxxxxx…       3',
    'b   bot',
  ]);
  expect(tableLines(COLUMNS, rows, 20)[1]).toBe('a   xxxxxxx…       3');
});

test.each([29, 30])('nothing is cut where the line is wide enough: %i', (width) => {
  const rows = [['a', 'x'.repeat(18), '3']] as const;
  expect(tableLines(COLUMNS, rows, width)[1]).toBe(
    width === 30 ? `a   ${'x'.repeat(18)}       3` : `a   ${'x'.repeat(16)}…       3`,
  );
});

test('without a width all is shown', () => {
  expect(tableLines(COLUMNS, [['a', 'x'.repeat(512), '3']], undefined)[1]).toContain(`${'x'.repeat(512)}       3`);
});

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdef', 5, 'abcd…'],
  ['äöüäöü', 5, 'äöüä…'],
  ['e\u0301e\u0301', 2, 'e\u0301e\u0301'],
  ['', 3, ''],
])('%j in %i characters is %j', (text, width, shown) => {
  expect(cut(text, width)).toBe(shown);
});
