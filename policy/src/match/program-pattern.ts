import type { ProgramUse } from '../command.ts';
import { compileGlob, PATTERN_LENGTH_MAX, type TextTest } from './glob.ts';
import type { Leaning } from './qualified-name.ts';

/** Tests one program and its arguments. */
export type ProgramTest = (use: ProgramUse) => boolean;

/** Where a system keeps its own programs: a name in one of these is the program of that name. */
const SYSTEM_DIRECTORIES = /^\/(?:usr\/)?s?bin\/(?=[^/]+$)/;
/** Most words of one pattern: each may be looked for from every word of a command. */
const WORDS_MAX = 32;

/**
 * Compiles a program with the words that follow it, `systemctl restart *`. Undefined when it is empty, or too long.
 *
 * One word: the program with any arguments. More, under `Permit`: these words and no others, in which `*` stands for any text and, as the last word, for
 * any words. More, under `Restrict`: these words in this order, with any others between, blind to case; a program or a word that is not known matches.
 * A name with no slash means the program wherever it lies under `Restrict`, and the system's own under `Permit`.
 */
export function compileProgram(pattern: string, leaning: Leaning): ProgramTest | undefined {
  const words = pattern.split(/\s+/).filter((word) => word !== '');
  const [first, ...rest] = words;
  if (first === undefined || pattern.length > PATTERN_LENGTH_MAX || words.length > WORDS_MAX) return undefined;
  return leaning === 'Restrict' ? compileRestriction(first, rest) : compilePermission(first, rest);
}

function compileRestriction(first: string, rest: readonly string[]): ProgramTest {
  const name = compileGlob(baseName(first), true);
  const words = (rest.at(-1) === '*' ? rest.slice(0, -1) : rest).map((word) => compileGlob(word, true));
  return (use) => (use.name === undefined || name(baseName(use.name))) && inOrder(words, use.args);
}

function inOrder(words: readonly TextTest[], args: readonly (string | undefined)[]): boolean {
  let next = 0;
  for (const arg of args) {
    // It may be any number of words, so all that is looked for.
    if (arg === undefined) return true;
    if (words[next]?.(arg) === true) next += 1;
  }
  return next >= words.length;
}

function compilePermission(first: string, rest: readonly string[]): ProgramTest {
  const name = compileGlob(first, false);
  const bare = !first.includes('/');
  const open = rest.length === 0 || rest.at(-1) === '*';
  const words = (rest.at(-1) === '*' ? rest.slice(0, -1) : rest).map(
    (word) => [word, compileGlob(word, false)] as const,
  );
  return ({ name: written, args }) => {
    if (written === undefined || !name(bare ? systemName(written) : written)) return false;
    if (args.length < words.length || (!open && args.length > words.length)) return false;
    return words.every(([word, test], index) => {
      const arg = args[index];
      // One that is not known may be several, and then what follows stands elsewhere.
      return arg === undefined ? /^\*+$/.test(word) && open && index === words.length - 1 : test(arg);
    });
  };
}

function systemName(name: string): string {
  return name.replace(SYSTEM_DIRECTORIES, '');
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
