/** Compares by UTF-16 units, so that an order never hangs on a machine's language. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The items by key, without touching the list given. */
export function sortedBy<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return items.toSorted((one, other) => compareText(key(one), key(other)));
}
