/** What a figure must keep to. */
export type Budget =
  | { readonly kind: 'AtLeast'; readonly value: number }
  | { readonly kind: 'AtMost'; readonly value: number };

/** One line of the benchmark's result, as `--json` writes it. */
export interface Figure {
  /** `group: what`, stable from run to run. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `>= 0.8` or `<= 50`; null: only told. */
  readonly budget: string | null;
  /** Null without a budget. */
  readonly ok: boolean | null;
}

export function figure(name: string, value: number, unit: string, budget?: Budget): Figure {
  const rounded = round(value);
  if (budget === undefined) return { name, value: rounded, unit, budget: null, ok: null };
  const lower = budget.kind === 'AtLeast';
  // What could not be measured is not kept to.
  const ok = lower ? value >= budget.value : value <= budget.value;
  return { name, value: rounded, unit, budget: `${lower ? '>=' : '<='} ${budget.value}`, ok };
}

export function atLeast(value: number): Budget {
  return { kind: 'AtLeast', value };
}

export function atMost(value: number): Budget {
  return { kind: 'AtMost', value };
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** The figures as a Markdown table; columns are padded so that a terminal shows it well, too. */
export function tableOf(figures: readonly Figure[]): string {
  const head = ['figure', 'value', 'unit', 'budget', 'kept'];
  const rows = figures.map(({ name, value, unit, budget, ok }) => [
    name,
    String(value),
    unit,
    budget ?? '',
    ok === null ? '' : ok ? 'yes' : '**no**',
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 1 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(' | ')} |\n`;
  const rule = widths.map((width, at) => (at === 1 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return line(head) + line(rule) + rows.map(line).join('');
}

/** Three digits that count; whole numbers stay whole. */
function round(value: number): number {
  if (!Number.isFinite(value)) return value;
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
