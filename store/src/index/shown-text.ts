/**
 * What the index holds of a text that is shown: its beginning. The index is read whole rows at a time, and agents and gates choose how long a text is; all
 * of it is in the record, and all of a command's words are found.
 */
export function shownText(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  return `${text.slice(0, charactersMax)}… (the record has ${text.length - charactersMax} more characters)`;
}

/** What a value of a list takes besides its characters. */
const VALUE = 8;

/** The same of a list, which is cut where all its texts together have that many characters. As JSON. */
export function shownList(values: readonly (string | null)[], charactersMax: number): string {
  const shown: (string | null)[] = [];
  let left = charactersMax;
  for (const [at, value] of values.entries()) {
    if (left <= 0) {
      shown.push(`… (the record has ${values.length - at} more)`);
      break;
    }
    shown.push(value === null ? null : shownText(value, left));
    left -= VALUE + (value?.length ?? 0);
  }
  return shown.length === 0 ? '[]' : JSON.stringify(shown);
}

/** The same of a map. */
export function shownMap(map: Readonly<Record<string, string>>, charactersMax: number): string {
  const entries = Object.entries(map);
  if (entries.length === 0) return '{}';
  const shown: (readonly [string, string])[] = [];
  let left = charactersMax;
  for (const [key, value] of entries) {
    if (left <= 0) {
      shown.push(['…', 'the record has more']);
      break;
    }
    shown.push([shownText(key, left), shownText(value, left)]);
    left -= VALUE + key.length + value.length;
  }
  return JSON.stringify(Object.fromEntries(shown));
}
