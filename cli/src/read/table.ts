import { printable } from './printable.ts';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/**
 * A table as lines. Columns are as wide as their widest value; the last one is cut, with an ellipsis, where it would leave
 * `lineWidth`. A column whose values are all empty is left out.
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  lineWidth: number | undefined,
): readonly string[] {
  const filled = columns
    .map((column) => ({ column, values: rows.map((row) => printable(column.value(row))) }))
    .filter(({ values }) => values.some((value) => value !== ''));
  const widths = filled.map(({ column, values }) => Math.max(column.title.length, ...values.map(widthOf)));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, at) => pad(cell, widths[at] ?? 0, filled[at]?.column.align ?? 'left'));
    return cut(padded.join(GAP).trimEnd(), lineWidth);
  };
  const title = line(filled.map(({ column }) => column.title));
  return [title, ...rows.map((_row, at) => line(filled.map(({ values }) => values[at] ?? '')))];
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + space : space + text;
}

/** Cuts a line at `width` characters and says so with an ellipsis. */
export function cut(text: string, width: number | undefined): string {
  if (width === undefined || widthOf(text) <= width) return text;
  return `${characters(text)
    .slice(0, Math.max(0, width - 1))
    .join('')}…`;
}

function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/u.test(text) ? text.length : characters(text).length;
}

/** What a reader takes for one character each. */
function characters(text: string): readonly string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
