import type { PathUse } from '../command.ts';
import { compileGlob, PATTERN_LENGTH_MAX, type TextTest } from './glob.ts';
import type { Leaning } from './qualified-name.ts';

/** Tests one use of a path. `isGuess`: a word that may be a path in the directory that sessions start in, or anything else. */
export type PathTest = (use: PathUse & { readonly isGuess?: true }, home: string | undefined) => boolean;

/** Where sessions of most systems start, for a denial that must hold although nobody said where this one does. */
const HOMES = ['root', 'home', 'users'].map((name) => `/${name}/`);

/**
 * Compiles a pattern over paths, in which `*` stands for any text, also with slashes. It is absolute, or begins with `~/`, or with `*`; undefined when
 * it is none of these, has `.` or `..` in it, or is too long.
 *
 * `Restrict`: blind to case; a path that is not known matches, and so does a tree that may hold what the pattern names. `Permit`: exact case; a path that is not
 * known matches only `*`, and a tree only when the pattern covers all of it.
 */
export function compilePath(pattern: string, leaning: Leaning): PathTest | undefined {
  if (pattern === '' || pattern.length > PATTERN_LENGTH_MAX || !/^(\/|~$|~\/|\*)/.test(pattern)) return undefined;
  if (pattern.split('/').some((name) => name === '.' || name === '..')) return undefined;
  const trimmed = pattern.length > 1 ? pattern.replace(/\/+$/, '') : pattern;
  return leaning === 'Restrict' ? compileRestriction(trimmed) : compilePermission(trimmed);
}

function compilePermission(pattern: string): PathTest {
  const test = compileGlob(pattern, false);
  const all = /^\*+$/.test(pattern);
  return ({ path, isTree, isBelow }, home) => {
    if (path === undefined) return all;
    const covers = (text: string): boolean =>
      (isBelow === true || test(text)) && (isTree !== true || coversTree(pattern, text));
    return covers(path) || otherForms(path, home).some(covers);
  };
}

/** Only a single star at the end takes in everything below. */
function coversTree(pattern: string, path: string): boolean {
  const start = pattern.slice(0, -1);
  return pattern.endsWith('*') && !start.includes('*') && withSlash(path).startsWith(start);
}

function compileRestriction(written: string): PathTest {
  const pattern = written.toLowerCase();
  const test = compileGlob(pattern, false);
  const literal = pattern.slice(0, pattern.includes('*') ? pattern.indexOf('*') : undefined);
  // A path below a home that nobody knows: the rest of the pattern after any of its slashes may be what it ends with.
  const mayLieAtHome = pattern.startsWith('*') || mayHoldHome(literal);
  const tails = mayLieAtHome ? tailsOf(pattern) : [];
  const fromHome = pattern.startsWith('~/') ? compileGlob(`*${pattern.slice(1)}`, false) : undefined;
  const meets = (text: string, isTree: boolean): boolean => {
    if (test(text)) return true;
    if (!isTree) return false;
    const below = withSlash(text);
    return below.startsWith(literal) || literal.startsWith(below);
  };
  const guesses = compileGuess(pattern, mayLieAtHome);
  return ({ path, isTree, isGuess }, home) => {
    if (path === undefined) return true;
    const text = path.toLowerCase();
    if (isGuess === true && home === undefined) return guesses(text);
    const tree = isTree === true;
    if (meets(text, tree) || otherForms(text, home?.toLowerCase()).some((form) => meets(form, tree))) return true;
    if (home !== undefined) return false;
    if (text === '~' || text.startsWith('~/')) {
      const below = text.slice(1);
      return mayLieAtHome && (tree || tails.some((tail) => tail(below)));
    }
    // A pattern from the home, and a home that nobody knows: any directory may be it.
    return fromHome !== undefined && (fromHome(text) || (tree && mayHoldHome(withSlash(text))));
  };
}

/**
 * What a word means as a path from the home, where nobody knows whether it is one: it must have in it what the pattern names, or be a directory above that;
 * where only a star is left of the pattern, it must look like a path.
 */
function compileGuess(pattern: string, mayLieAtHome: boolean): (text: string) => boolean {
  const ends = [
    ...(pattern.startsWith('~/') ? [pattern.slice(1)] : []),
    ...(mayLieAtHome ? startsOfTails(pattern).map((at) => pattern.slice(at)) : []),
  ];
  const tests = ends.map((end) => ({ end, isOpen: /^\/?\*+$/.test(end), test: compileGlob(end, false) }));
  return (text) => {
    const below = text.slice(1);
    if (below === '') return ends.length > 0;
    return tests.some(({ end, isOpen, test }) =>
      isOpen ? /[./]/.test(below.slice(1)) : test(below) || end.split('*', 1)[0]?.startsWith(`${below}/`) === true,
    );
  };
}

function mayHoldHome(below: string): boolean {
  return HOMES.some((home) => home.startsWith(below) || below.startsWith(home));
}

function tailsOf(pattern: string): readonly TextTest[] {
  return startsOfTails(pattern).map((at) => compileGlob(pattern.slice(at), false));
}

function startsOfTails(pattern: string): readonly number[] {
  return [...pattern.matchAll(/[/*]/g)].map(({ index }) => index);
}

/** The same path from the root, or from the home, where the home is known. */
function otherForms(path: string, home: string | undefined): readonly string[] {
  if (home === undefined) return [];
  if (path === '~' || path.startsWith('~/')) return [home === '/' ? path.slice(1) || '/' : `${home}${path.slice(1)}`];
  if (path === home) return ['~'];
  const below = withSlash(home);
  return path.startsWith(below) ? [`~/${path.slice(below.length)}`] : [];
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
