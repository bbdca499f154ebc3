import type { ShellWord } from './syntax.ts';

/** Options that name a file, or the input, in which the names of files stand. */
const NAMES = /^(?:--?files0?-f|--stdin-paths|--pathspec-f)/;
/** The same of one program. */
const OF_PROGRAM: ReadonlyMap<string, RegExp> = new Map([
  ['tar', /^-\w*[TX]/],
  ['zip', /^-\w*@/],
  ['wget', /^(?:-\w*i|--input-f)/],
  // In an address any character may be written as a number, and several stand for each other.
  ['curl', /^(?:-\w*K|--config|file:.*[%[{])/i],
]);
const ALWAYS = new Set(['cpio', 'pax']);

/** True for a program that takes names of files from what it reads, so that its words do not tell them. */
export function readsNames(name: string, words: readonly ShellWord[]): boolean {
  const rest = words.slice(1).map(({ text = '' }) => text);
  if (ALWAYS.has(name) || (name === 'rsync' && rest[0] === '--server')) return true;
  const ofProgram = OF_PROGRAM.get(name);
  // The options of tar may stand in front without a hyphen.
  if (name === 'tar' && /^\w*[TX]/.test(rest[0] ?? '')) return true;
  return rest.some((text) => NAMES.test(text) || ofProgram?.test(text) === true);
}
