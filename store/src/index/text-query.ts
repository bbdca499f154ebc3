/**
 * Turns what a person types into a full-text query: all words must occur; `word*` is a beginning; "two words" is a phrase. Nothing
 * in it is read as an operator. Undefined when it holds no word.
 */
export function textQuery(text: string): string | undefined {
  const terms: string[] = [];
  for (const [, phrase, word] of text.matchAll(/"([^"]*)"|(\S+)/gu)) {
    const bare = (phrase ?? word ?? '').replaceAll('"', ' ');
    if (!/[\p{L}\p{N}]/u.test(bare)) continue;
    const beginning = phrase === undefined && bare.endsWith('*');
    terms.push(`"${beginning ? bare.slice(0, -1) : bare}"${beginning ? '*' : ''}`);
  }
  return terms.length === 0 ? undefined : terms.join(' ');
}
