import type { ShellWord } from './syntax.ts';

/** What an interpreter is given to run. */
export type Program =
  /** Its own text among the words, or in its input, or it cannot be told. */
  | { readonly kind: 'Code' }
  /** Nothing that runs anything. */
  | { readonly kind: 'Nothing' }
  /** The file at this word. */
  | { readonly kind: 'File'; readonly at: number };

interface Interpreter {
  readonly name: RegExp;
  /** Options that leave what is run to the next word. */
  readonly plain: RegExp;
  /** Options that end it all. */
  readonly asks: RegExp;
  /** Options behind which the next word names a module. */
  readonly module?: RegExp;
}

const INTERPRETERS: readonly Interpreter[] = [
  {
    name: /^(?:python|pypy)[0-9.]*$/,
    plain: /^-[bBEIOPqsSuv]+$/,
    asks: /^(?:-V|-h|--version|--help)$/,
    module: /^-[bBEIOPqsSuv]*m$/,
  },
  { name: /^(?:node|nodejs)$/, plain: /^--(?:no-warnings|no-deprecation)$/, asks: /^(?:-v|-h|--version|--help)$/ },
  { name: /^perl[0-9.]*(?:-[\w-]+)?$/, plain: /^-[wtT]+$/, asks: /^-v$/ },
  { name: /^ruby[0-9.]*$/, plain: /^-w$/, asks: /^(?:-v|--version)$/ },
  { name: /^php[0-9.]*$/, plain: /^-q$/, asks: /^(?:-v|-m|-i|--version)$/ },
  {
    name: /^(?:lua|luajit|tclsh|wish|Rscript|R|groovy|scala|julia|elixir|erl|ghci?|runghc|ocaml|guile|racket|sbcl|clisp|bun|deno|ts-node|osascript|pwsh|powershell|irb|ipython|psysh|jshell|octave|gnuplot|m4|bc)[0-9.]*$/i,
    plain: /^$/,
    asks: /^(?:-v|--version)$/,
  },
];

/** What the words make an interpreter run; undefined where the program is none. */
export function readInterpreter(name: string, words: readonly ShellWord[]): Program | undefined {
  if (/^[gmn]?awk$/.test(name)) return readAwk(words);
  if (/^g?sed$/.test(name)) return readSed(words);
  const interpreter = INTERPRETERS.find((one) => one.name.test(name));
  if (interpreter === undefined) return undefined;
  for (const [at, word] of words.entries()) {
    if (at === 0) continue;
    const { text } = word;
    if (text === undefined || !text.startsWith('-'))
      return text !== undefined || word.isOperand ? { kind: 'File', at } : CODE;
    // Some show what they are, and run what stands behind it.
    if (interpreter.asks.test(text)) return words.length === 2 ? NOTHING : CODE;
    if (interpreter.module?.test(text) === true) return readModule(words[at + 1]);
    if (!interpreter.plain.test(text)) return CODE;
  }
  return CODE;
}

const CODE: Program = { kind: 'Code' };
const NOTHING: Program = { kind: 'Nothing' };

/** Modules of Python that run code which they are given, in words, files or their input. */
const RUNNERS =
  /^(?:timeit|pdb|bdb|code|asyncio|trace|profile|cProfile|runpy|doctest|idlelib|IPython|ipykernel|ptpython|bpython|coverage|debugpy)(?:\.|$)/;

/** The module's own options follow; which file it is the interpreter knows. */
function readModule(module: ShellWord | undefined): Program {
  return module?.text === undefined || RUNNERS.test(module.text) ? CODE : NOTHING;
}

/** A program of awk that starts no other and writes and names no file. */
function readAwk(words: readonly ShellWord[]): Program {
  let at = 1;
  for (; at < words.length; at += 1) {
    const text = words[at]?.text;
    if (text === undefined) return CODE;
    if (text === '--version') return NOTHING;
    if (/^-[Fv]$/.test(text)) {
      at += 1;
      if (words[at]?.isOne !== true) return CODE;
    } else if (!/^-[Fv]./.test(text)) break;
  }
  const text = words[at]?.text;
  if (text === undefined || text.startsWith('-')) return CODE;
  const marks = text.replaceAll(/\|\||>=/g, ' ');
  return /[|>@]|\\\n|system|getline|extension|ARGV|ARGC|SYMTAB/.test(marks) ? CODE : NOTHING;
}

const ADDRESS = '(?:[0-9]+(?:~[0-9]+)?|\\$|/(?:[^/\\\\\\n;]|\\\\.)*/I?)';
const SUBSTITUTE = 's([^\\w\\s\\\\;])(?:(?!\\1)[^\\\\;\\n]|\\\\.)*\\1(?:(?!\\1)[^\\\\;\\n]|\\\\.)*\\1[gpiIm0-9]*';
/** One command of sed that runs nothing and reads and writes no other file. */
const SED_COMMAND = new RegExp(
  `^\\s*(?:${ADDRESS}(?:,(?:${ADDRESS}|[+~][0-9]+))?)?\\s*!?\\s*(?:[pdPDqQ=gGhHnNxl]|${SUBSTITUTE})?\\s*$`,
);

function readSed(words: readonly ShellWord[]): Program {
  const scripts: (string | undefined)[] = [];
  let first: ShellWord | undefined;
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at];
    const { text } = word ?? {};
    if (text === undefined) {
      if (word?.isOperand !== true) return CODE;
      first ??= word;
    } else if (/^(?:-e|-[nErsuz]+e|--expression)$/.test(text)) {
      at += 1;
      scripts.push(words[at]?.text);
    } else if (text === '--version' || text === '--help') return NOTHING;
    else if (text.startsWith('-') && text !== '-') {
      if (
        !/^(?:-[nErsuz]+|-i[.\w]*|--quiet|--silent|--regexp-extended|--in-place|--null-data|--debug|--posix)$/.test(
          text,
        )
      )
        return CODE;
      // Behind -i all is the end of a name, so `-ne` in it is no option.
    } else first ??= word;
  }
  if (scripts.length === 0) scripts.push(first?.text);
  const isPlain = scripts.every((script) => script?.split(/[;\n]/).every((one) => SED_COMMAND.test(one)) === true);
  return isPlain ? NOTHING : CODE;
}

/** Shells whose text is read as POSIX has it. */
const SHELLS = /^(?:r?(?:ba|da|z|a|pdk|mk|lk|ok|lok|po|hu|k)|(?!r))sh(?:[0-9.]+|-static|-[0-9.]+)?$/;
/** Shells with a language of their own. */
const OTHER_SHELLS = /^(?:fish|t?csh|nu|xonsh|elvish|es|rc|scsh|cmd|yash)$/;

/** What a shell is given to run: its text at a word, a file at a word, or neither. */
export type ShellProgram =
  | { readonly kind: 'Text' | 'File'; readonly at: number }
  | { readonly kind: 'Input' | 'Unknown' | 'Nothing' };

/** Undefined where the program is no shell. */
export function readShellProgram(name: string, words: readonly ShellWord[]): ShellProgram | undefined {
  if (OTHER_SHELLS.test(name)) return { kind: 'Unknown' };
  if (!SHELLS.test(name)) return undefined;
  let hasText = false;
  let isInput = false;
  let at = 1;
  for (; at < words.length; at += 1) {
    const word = words[at];
    const { text } = word ?? {};
    if (text === undefined) {
      if (word?.isOperand !== true || hasText) return { kind: 'Unknown' };
      break;
    }
    if (text === '--version') return { kind: 'Nothing' };
    if (text === '--' || text === '-') {
      at += 1;
      break;
    }
    if (!/^[-+]/.test(text)) break;
    if (/^--(?:login|noprofile|norc|posix|noediting)$/.test(text)) continue;
    if (!/^(?:-[abcefhilmnpsuvxEBT]+|[-+]o|-[abcefhilmnpsuvxE]*o|\+[abefhmnuvx]+)$/.test(text))
      return { kind: 'Unknown' };
    if (text.startsWith('-') && text.includes('c')) hasText = true;
    if (text.startsWith('-') && text.includes('s')) isInput = true;
    if (text.endsWith('o')) {
      at += 1;
      if (!/^(?:pipefail|errexit|nounset|xtrace|noglob|noclobber|posix)$/.test(words[at]?.text ?? ''))
        return { kind: 'Unknown' };
    }
  }
  if (hasText) return at < words.length ? { kind: 'Text', at } : { kind: 'Unknown' };
  return isInput || at >= words.length ? { kind: 'Input' } : { kind: 'File', at };
}
