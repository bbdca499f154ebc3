import { expect, test } from '@jest/globals';
import { writeFrame } from './codec-writer.ts';
import { RowMasker, RowOutput } from './data-row.ts';
import { fakeMasks } from './testing/fake-masks.ts';

const MASKS = fakeMasks({ 'public.people.ssn': { type: 'Partial', keepLast: 2 } });
const PLAN = [
  undefined,
  { mask: { rule: 'test', with: { type: 'Partial', keepLast: 2 } as const }, form: 'Text', binary: false },
] as const;

function row(...values: readonly (string | null)[]): Uint8Array {
  const parts = values.flatMap((value) =>
    value === null ? [{ int32: -1 }] : [{ int32: Buffer.byteLength(value) }, Buffer.from(value)],
  );
  return writeFrame(0x44, { int16: values.length }, ...parts);
}

test('rewritten rows stand one behind the other, and the next leaves the last as it is', () => {
  const output = new RowOutput();
  const masker = new RowMasker(PLAN, MASKS, true, output);
  const rows = [row('1', '12345'), row('2', '6789')];
  const received = Buffer.concat(rows);
  const [first, second] = [rows[0]?.length ?? 0, received.length];
  expect(masker.rewrite(received, 0, first)).toBe(true);
  const { bytes, start, end } = masker;
  expect(masker.rewrite(received, first, second)).toBe(true);
  expect([masker.bytes, masker.start]).toEqual([bytes, end]);
  expect(Buffer.from(bytes.subarray(start, masker.end))).toEqual(Buffer.concat([row('1', '***45'), row('2', '**89')]));
  output.release();
  expect(masker.rewrite(received, 0, first)).toBe(true);
  expect(masker.bytes).not.toBe(bytes);
});

test.each([
  ['a value that is masked', row('1', '12345'), row('1', '***45'), 1],
  ['NULL', row('1', null), row('1', null), 0],
  ['a column that nobody described', row('1', '12345', 'x'), row('1', '***45', null), 2],
  ['a row without columns', row(), row(), 0],
])('%s', (_name, received, expected, maskedValues) => {
  const masker = new RowMasker(PLAN, MASKS, true);
  expect(Buffer.from(masker.mask(received, 0, received.length) ?? [])).toEqual(Buffer.from(expected));
  expect(masker.maskedValues).toBe(maskedValues);
});

test('a row that is cut, or longer than its values, is malformed', () => {
  const whole = row('1', '12345');
  const masker = new RowMasker(PLAN, MASKS, true);
  for (let end = 0; end < whole.length; end += 1) expect(masker.rewrite(whole, 0, end)).toBe(false);
  expect(masker.rewrite(Buffer.concat([whole, Buffer.alloc(1)]), 0, whole.length + 1)).toBe(false);
});
