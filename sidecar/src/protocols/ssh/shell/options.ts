import type { ShellWord } from './syntax.ts';

/** The options that a program takes before the words that count. What it does not list is not understood. */
export interface OptionTable {
  /** One letter each, without a value. */
  readonly flags?: string;
  /** One letter each, with a value: the rest of its word, or the next word. */
  readonly valued?: string;
  /** Long ones without a value, separated by spaces, without hyphens; a value behind = is taken too. */
  readonly long?: string;
  /** Long ones with a value. */
  readonly longValued?: string;
}

export interface OptionsRead {
  /** The first word behind the options. */
  readonly at: number;
  /** Letters and long names that were given, with their values where these are known. */
  readonly given: ReadonlyMap<string, string | undefined>;
}

/** True when any of them was given. `names`: separated by spaces. */
export function isGiven({ given }: OptionsRead, names = ''): boolean {
  return names.split(' ').some((name) => given.has(name));
}

/** Reads options from `words[from]` on. Undefined when any is not in the table, or may turn into one. */
export function readOptions(words: readonly ShellWord[], from: number, table: OptionTable): OptionsRead | undefined {
  const given = new Map<string, string | undefined>();
  const { flags = '', valued = '', long = '', longValued = '' } = table;
  let at = from;
  for (; at < words.length; at += 1) {
    const word = words[at];
    if (word === undefined) break;
    if (word.text === undefined) {
      if (word.isOperand) break;
      return undefined;
    }
    const { text } = word;
    if (text === '--') return { at: at + 1, given };
    if (!text.startsWith('-') || text === '-') break;
    if (text.startsWith('--')) {
      const [name, value] = split(text.slice(2));
      if (has(long, name)) given.set(name, value);
      else if (has(longValued, name)) {
        if (value === undefined) at += 1;
        const next = value === undefined ? words[at] : undefined;
        if (value === undefined && !isOneWord(next)) return undefined;
        given.set(name, value ?? next?.text);
      } else return undefined;
      continue;
    }
    const takesNext = readLetters(text.slice(1), flags, valued, given);
    if (takesNext === undefined) return undefined;
    if (takesNext === '') continue;
    at += 1;
    if (!isOneWord(words[at])) return undefined;
    given.set(takesNext, words[at]?.text);
  }
  return { at, given };
}

/** The letter whose value is the next word, empty when none is; undefined when one is not known. */
function readLetters(
  letters: string,
  flags: string,
  valued: string,
  given: Map<string, string | undefined>,
): string | undefined {
  for (const [index, letter] of Array.from(letters).entries()) {
    if (flags.includes(letter)) given.set(letter, undefined);
    else if (!valued.includes(letter)) return undefined;
    else if (index === letters.length - 1) return letter;
    else {
      given.set(letter, letters.slice(index + 1));
      return '';
    }
  }
  return '';
}

/** True for a word that becomes exactly one, whichever. */
export function isOneWord(word: ShellWord | undefined): boolean {
  return word?.isOne === true;
}

function split(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function has(names: string, name: string): boolean {
  return name !== '' && names.split(' ').includes(name);
}
