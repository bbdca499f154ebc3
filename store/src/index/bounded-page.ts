import type { Row } from './row.ts';

/** Texts of one page of a listing, in characters: what is read goes through the memory of the store, and agents choose how long it is. */
export const PAGE_CHARACTERS_MAX = 8 * 1024 * 1024;

/** The first rows: up to `limit`, and no more once they hold `PAGE_CHARACTERS_MAX`; the first one whatever it holds. */
export function boundedPage(
  rows: Iterable<Row>,
  limit: number,
): { readonly rows: readonly Row[]; readonly more: boolean } {
  const page: Row[] = [];
  let characters = 0;
  for (const row of rows) {
    if (page.length >= limit || characters >= PAGE_CHARACTERS_MAX) return { rows: page, more: true };
    page.push(row);
    for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length;
  }
  return { rows: page, more: false };
}
