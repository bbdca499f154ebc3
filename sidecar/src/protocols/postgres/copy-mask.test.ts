import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openCopyMasker } from './copy-mask.ts';
import { escapeText, unescapeText } from './copy-text.ts';
import { MaskPlanner } from './mask.ts';
import type { CopyShape, SqlReading } from './sql-reading.ts';
import { fakeMasks, NO_MASKS } from './testing/fake-masks.ts';
import { fakeReader, NO_CATALOG } from './testing/fake-reading.ts';

const base = { schema: 'public', table: 'people' } as const;
const text: CopyShape = {
  direction: 'Out',
  columns: [
    { kind: 'Column', ...base, column: 'name' },
    { kind: 'Column', ...base, column: 'ssn' },
  ],
  typeOids: [25, 25],
  format: 'Text',
  delimiter: '\t',
  nullText: '\\N',
  quote: '"',
  escape: '"',
  header: false,
};
const csv: CopyShape = { ...text, format: 'Csv', delimiter: ',', nullText: '' };
const UTF8 = { utf8: true, treacherous: false };
const redacts = fakeMasks({ 'public.people.ssn': { type: 'Redact' } }, 'top-secret');

function reading(table: string): SqlReading {
  const policy = [{ tables: [{ schema: 'public', name: table, access: 'Read' as const }] }];
  return fakeReader({ copy: { policy } })('copy', NO_CATALOG, {
    settingsKey: '',
    searchPath: [],
    standardConformingStrings: true,
    role: '',
    prepared: new Map(),
    cursors: new Map(),
  });
}

function run(
  shape: CopyShape | undefined,
  pieces: readonly string[],
  masks = redacts,
  table = 'people',
): string | undefined {
  const masker = openCopyMasker(shape, reading(table), new MaskPlanner(masks, NO_CATALOG), UTF8);
  if (masker === undefined) return pieces.join('');
  let out = '';
  for (const piece of pieces) {
    const masked = masker.mask(Buffer.from(piece, 'latin1'));
    if (masked === undefined) return undefined;
    out += Buffer.from(masked.bytes).toString('latin1');
  }
  const rest = masker.end();
  return rest === undefined ? undefined : out + Buffer.from(rest.bytes).toString('latin1');
}

describe('COPY with masks', () => {
  test.each<[string, CopyShape, string, string | undefined]>([
    ['a masked column', text, 'Ann\t123\n', 'Ann\t[masked]\n'],
    ['NULL stays NULL', text, 'Ann\t\\N\n', 'Ann\t\\N\n'],
    ['an escaped delimiter ends no field', text, 'A\\\tn\t123\n', 'A\\\tn\t[masked]\n'],
    ['an escaped backslash escapes nothing more', text, 'A\\\\\t123\n', 'A\\\\\t[masked]\n'],
    ['the end mark', text, '\\.\n', '\\.\n'],
    ['contents in escapes', text, 'top\\x2dsecret\t1\n', '**********\t[masked]\n'],
    ['a column more than was said', text, 'Ann\t123\t456\n', 'Ann\t[masked]\t\\N\n'],
    ['another delimiter', { ...text, delimiter: '|' }, 'A\tn|123\n', 'A\tn|[masked]\n'],
    ['a header', { ...text, header: true }, 'name\tssn\nAnn\t123\n', 'name\tssn\nAnn\t[masked]\n'],
    ['a row that ends with a lone backslash is dropped', text, 'Ann\t123\\', ''],
    ['csv', csv, 'Ann,123\n', 'Ann,"[masked]"\n'],
    ['csv with a newline in quotes', csv, '"A\nn",123\n', '"A\nn","[masked]"\n'],
    ['csv with quotes in quotes', csv, '"A""n","1""2"\n', '"A""n","[masked]"\n'],
    ['csv: an empty value in quotes is no NULL', csv, 'Ann,""\n', 'Ann,"[masked]"\n'],
    ['csv: nothing is NULL', csv, 'Ann,\n', 'Ann,\n'],
    ['csv with another escape', { ...csv, escape: '\\' }, '"A\\"n","1\\"2"\r\n', '"A\\"n","[masked]"\r\n'],
    ['csv that ends inside quotes is refused', csv, 'Ann,"12', undefined],
  ])('%s', (_, shape, data, expected) => {
    expect(run(shape, [data])).toBe(expected);
  });

  test.each([
    ['unknown columns of a masked table give nothing', undefined, 'people', ''],
    [
      'unknown columns of another table are searched for contents',
      { ...text, columns: undefined },
      'pets',
      'x\t**********\n',
    ],
  ])('%s', (_, shape, table, expected) => {
    expect(run(shape, ['x\ttop-secret\n'], redacts, table)).toBe(expected);
  });

  test('types keep their shape', () => {
    expect(run({ ...text, typeOids: [25, 23] }, ['Ann\t41\n'])).toBe('Ann\t\\N\n');
    expect(run({ ...text, typeOids: [25, 3802] }, ['Ann\t{"a": 1}\n'])).toBe('Ann\t"[masked]"\n');
  });

  test('in an encoding of its own in which a delimiter may be part of a character gives no row, either way', () => {
    expect(run({ ...text, encoding: 'GBK' }, ['Ann\ttop-secret\n'])).toBe('');
    expect(run({ ...text, direction: 'In', encoding: 'GBK' }, ['Ann\ttop-secret\n'])).toBe('');
    expect(run({ ...text, encoding: 'LATIN1' }, ['Ann\ttop-secret\n'])).toBe('Ann\t[masked]\n');
  });

  test('quoted by newlines, which end rows too, it gives no row', () => {
    expect(run({ ...csv, quote: '\n', escape: '\n' }, ['\nAnn\n,\n123\n\n'])).toBe('');
    expect(run({ ...csv, escape: '\n' }, ['Ann,123\n'])).toBe('');
    expect(run({ ...csv, quote: '\r', escape: '\r' }, ['\rAnn\r,\r123\r\n'])).toBe('\rAnn\r,\r[masked]\r\n');
  });

  test('without masks nothing is touched', () => {
    expect(openCopyMasker(text, reading('people'), new MaskPlanner(NO_MASKS, NO_CATALOG), UTF8)).toBeUndefined();
  });

  test('does not depend on how the server cuts the data', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '\\', '\t', '\n', '"', ',', '1', '\r'), maxLength: 6 });
    const rows = fc.array(fc.tuple(field, field), { maxLength: 4 });
    fc.assert(
      fc.property(rows, fc.boolean(), fc.integer({ min: 1, max: 5 }), (values, isCsv, size) => {
        const data = values
          .map(([name, ssn]) =>
            isCsv ? `${quoted(name)},${quoted(ssn)}\n` : `${escapeText(name, '\t')}\t${escapeText(ssn, '\t')}\n`,
          )
          .join('');
        const pieces = data.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? [];
        const shape = isCsv ? csv : text;
        const whole = run(shape, [data]);
        expect(run(shape, pieces)).toBe(whole);
        const expected = values
          .map(([name]) => (isCsv ? `${quoted(name)},"[masked]"\n` : `${escapeText(name, '\t')}\t[masked]\n`))
          .join('');
        expect(whole).toBe(expected);
      }),
    );
  });

  test('what is escaped is unescaped again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (value) => {
        expect(unescapeText(escapeText(value, '|'))).toBe(value);
      }),
    );
  });
});

function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}
