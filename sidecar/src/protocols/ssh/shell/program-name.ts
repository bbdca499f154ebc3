/** The program that a word names: its last part, in lower case, as file systems that know no other find it. */
export function programName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1).toLowerCase();
}
