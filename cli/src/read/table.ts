import { printable } from './printable.ts';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers stand right. */
  readonly align?: 'left' | 'right';
  /** What agents and tokens say: where the line is too narrow, this gives way, so that nobody pushes the columns behind it out of sight. */
  readonly yields?: boolean;
}

const GAP = '  ';

/** A column that gives way is at least this wide. */
const YIELDED_MIN = 8;

/**
 * A table as lines. Columns are as wide as their widest value; where they would leave `lineWidth`, those that yield are cut, with an ellipsis, and then
 * the last one is. A column whose values are all empty is left out.
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  lineWidth: number | undefined,
): readonly string[] {
  const filled = columns
    .map((column) => ({ column, values: rows.map((row) => printable(column.value(row))) }))
    .filter(({ values }) => values.some((value) => value !== ''));
  const widest = filled.map(({ column, values }) => Math.max(column.title.length, ...values.map(widthOf)));
  const widths = fit(
    widest.map((width, at) => ({ width, least: leastOf(filled[at]?.column, width) })),
    lineWidth,
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, at) =>
      pad(cut(cell, widths[at]), widths[at] ?? 0, filled[at]?.column.align ?? 'left'),
    );
    return cut(padded.join(GAP).trimEnd(), lineWidth);
  };
  const title = line(filled.map(({ column }) => column.title));
  return [title, ...rows.map((_row, at) => line(filled.map(({ values }) => values[at] ?? '')))];
}

function leastOf<Row>(column: Column<Row> | undefined, width: number): number {
  return column?.yields === true ? Math.min(width, Math.max(column.title.length, YIELDED_MIN)) : width;
}

/** Takes from the widest that yields until the line fits, or nothing yields any more. */
function fit(
  columns: readonly { readonly width: number; readonly least: number }[],
  lineWidth: number | undefined,
): readonly number[] {
  const widths = columns.map(({ width }) => width);
  const gaps = GAP.length * (columns.length - 1);
  for (
    let excess = widths.reduce((sum, width) => sum + width, gaps) - (lineWidth ?? Infinity);
    excess > 0;
    excess -= 1
  ) {
    let widest: number | undefined;
    for (const [at, width] of widths.entries()) {
      const yields = width > (columns[at]?.least ?? width);
      if (yields && (widest === undefined || width > (widths[widest] ?? 0))) widest = at;
    }
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + space : space + text;
}

/** Cuts a line at `width` characters and says so with an ellipsis. */
export function cut(text: string, width: number | undefined): string {
  if (width === undefined || text.length <= width) return text;
  let begin = '';
  let count = 0;
  // Looked at no further than it is shown: a text may have millions of characters.
  for (const character of characters(text)) {
    count += 1;
    if (count > width) return `${begin}…`;
    if (count < width) begin += character;
  }
  return text;
}

function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/u.test(text) ? text.length : Array.from(characters(text)).length;
}

/** What a reader takes for one character each. */
function* characters(text: string): Generator<string> {
  for (const { segment } of new Intl.Segmenter().segment(text)) yield segment;
}
