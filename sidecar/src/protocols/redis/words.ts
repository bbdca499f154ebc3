/** The words of a list that is written as text, with commas between. */
export function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s*,\s*/));
}
