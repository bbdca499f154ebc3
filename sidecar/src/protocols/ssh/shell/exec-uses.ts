import { type Incompleteness, type PathUse, type ProgramUse, resolvePath } from '@sidegate/policy';
import { NO_NUMBERS, type Numbers } from './arithmetic.ts';
import { readBuiltin } from './builtins.ts';
import { filesOf } from './file-programs.ts';
import { readFind } from './find-actions.ts';
import { readInterpreter, readShellProgram } from './interpreters.ts';
import { readsNames } from './named-files.ts';
import { isGiven, isOneWord, readOptions } from './options.ts';
import { programName } from './program-name.ts';
import { RESERVED, readShell } from './read-shell.ts';
import { runsAnother } from './runners.ts';
import { SHELL_KINDS, type ShellKind, UNNAMED } from './shell-kind.ts';
import type { ShellPath, ShellReading, ShellWord, SimpleCommand } from './syntax.ts';
import { variableKind } from './variables.ts';
import { WRAPPERS, type Wrapper, XARGS_OPTIONS } from './wrappers.ts';

/** Commands in each other: a shell in a wrapper in a shell. */
const NESTING_MAX = 12;
/** Programs that one text may name, with those inside wrappers. */
const PROGRAMS_MAX = 1_000;

/** Files that hold nothing. */
const DEVICES = new Set(['/dev/null', '/dev/stdout', '/dev/stderr', '/dev/stdin']);
const MOVES = new Set(['cd', 'chdir', 'pushd', 'popd']);
/** Files that are what comes in, or what is open, and how they end. */
const INPUT_PATH = /^\/(?:dev|proc)(?:\/|$)/;
const INPUT_NAME = /(?:^|\/)(?:std(?:in|out|err)|[0-9]+)$/;

export interface ExecUses {
  readonly commands: readonly ProgramUse[];
  readonly paths: readonly PathUse[];
  readonly incomplete: readonly Incompleteness[];
}

/** What the text of an exec names: every program that it may run, also inside others, the files of its redirects, and why that may not be all. */
export function readExecUses(text: string): ExecUses {
  const uses = new Uses();
  const reading = readShell(text);
  if (reading === undefined) uses.note('ShellText');
  else uses.addReading(reading, '~', 0);
  // A server may take an empty command for a shell.
  if (uses.commands.length + uses.paths.length === 0 && !(reading !== undefined && reading.assigned.length > 0))
    uses.note('ShellText');
  return uses.end();
}

class Uses {
  commands: ProgramUse[] = [];
  readonly paths: PathUse[] = [];
  readonly #kinds = new Set<ShellKind>();
  /** Of the text that is being added. */
  #numbers: Numbers = NO_NUMBERS;

  note(kind: ShellKind): void {
    this.#kinds.add(kind);
  }

  end(): ExecUses {
    const kinds = [...this.#kinds];
    // Rules on programs hold for what nobody has named as well.
    if (kinds.some((kind) => UNNAMED.has(kind))) this.commands.push({ name: undefined, args: [undefined] });
    return {
      commands: this.commands,
      paths: this.paths,
      incomplete: kinds.map((kind) => ({ kind, detail: SHELL_KINDS[kind] })),
    };
  }

  /** Adds a text that is read; `directory` is where it starts, undefined when only running would tell. */
  addReading(reading: ShellReading, directory: string | undefined, nesting: number): void {
    for (const name of reading.assigned) this.#assign(name);
    if (reading.hasArithmetic) this.note('ShellArithmetic');
    const places = placesOf(reading, directory);
    const outer = this.#numbers;
    this.#numbers = numbersOf(reading);
    for (const [index, command] of reading.commands.entries()) this.#addSimple(command, places[index], nesting);
    this.#numbers = outer;
  }

  #assign(name: string): void {
    const kind = variableKind(name);
    if (kind !== 'Own') this.note(kind);
  }

  #addSimple({ words, redirects }: SimpleCommand, directory: string | undefined, nesting: number): void {
    const by = this.commands.length;
    if (words.length > 0) this.#addProgram(words, directory, nesting);
    for (const { access, target } of redirects) {
      const path = pathOf(target.path, directory);
      if (path.path !== undefined && DEVICES.has(path.path)) continue;
      this.paths.push({ ...path, access, ...(access === 'Read' && words.length > 0 ? { by } : {}) });
    }
  }

  #addProgram(words: readonly ShellWord[], directory: string | undefined, nesting: number): void {
    const [first, ...rest] = words;
    if (first === undefined) return;
    if (nesting > NESTING_MAX || this.commands.length >= PROGRAMS_MAX) return this.note('InnerCommand');
    const files = filesOf(words);
    const by = this.commands.length;
    this.commands.push({
      name: first.text,
      args: rest.map(({ text }) => text),
      ...(files === undefined ? {} : { pathsKnown: true }),
      ...(directory === '~' ? {} : { directory: { path: directory } }),
    });
    for (const { path, access, isTree } of files ?? []) {
      const use = pathOf(path, directory);
      this.paths.push({ ...use, access, by, ...(isTree ? { isTree } : {}) });
    }
    if (first.text === undefined) return this.note('ShellProgram');
    const name = programName(first.text);
    if (files === undefined && readsNames(name, words)) {
      for (const access of ['Read', 'Write'] as const) this.paths.push({ path: undefined, access, by });
    }
    const wrapper = WRAPPERS.get(name);
    if (wrapper !== undefined) return this.#addWrapped(words, wrapper, directory, nesting);
    if (name === 'xargs') return this.#addXargs(words, directory, nesting);
    if (name === 'find') return this.#addFind(words, directory, nesting);
    if (name === 'watch') return this.#addWatch(words, nesting);
    if (name === 'flock') return this.#addFlock(words, directory, nesting);
    const shell = readShellProgram(name, words);
    if (shell !== undefined) return this.#addShell(shell, words, directory, nesting);
    const program = readInterpreter(name, words);
    if (program?.kind === 'Code') return this.note('ForeignCode');
    if (program?.kind === 'File') return this.#addScript(words.slice(program.at), 'ForeignCode', directory, nesting);
    if (runsAnother(name, words)) this.note('InnerCommand');
    const builtin = readBuiltin(name, words, this.#numbers);
    for (const variable of builtin?.assigned ?? []) this.#assign(variable);
    for (const kind of builtin?.kinds ?? []) this.note(kind);
    for (const code of builtin?.code ?? []) this.#addCode(code, directory, nesting);
  }

  /** Shell code in a word. */
  #addCode(text: string | undefined, directory: string | undefined, nesting: number): void {
    if (text === undefined) return this.note('ShellCode');
    const reading = nesting >= NESTING_MAX ? undefined : readShell(text, 1);
    if (reading === undefined) return this.note('ShellText');
    this.addReading(reading, directory, nesting + 1);
  }

  #addShell(
    shell: NonNullable<ReturnType<typeof readShellProgram>>,
    words: readonly ShellWord[],
    directory: string | undefined,
    nesting: number,
  ): void {
    switch (shell.kind) {
      case 'Text':
        return this.#addCode(words[shell.at]?.text, directory, nesting);
      case 'File':
        return this.#addScript(words.slice(shell.at), 'ShellInput', directory, nesting);
      case 'Input':
        return this.note('ShellInput');
      case 'Unknown':
        return this.note('ShellCode');
      default:
    }
  }

  /** A file that an interpreter is given counts as a program, unless it is another name for what comes in: that is of the kind `input`. */
  #addScript(words: readonly ShellWord[], input: ShellKind, directory: string | undefined, nesting: number): void {
    const [first] = words;
    const { path } = pathOf(first?.path, directory);
    if (path === undefined ? INPUT_NAME.test(first?.text ?? '') : INPUT_PATH.test(path)) this.note(input);
    this.#addProgram(words, directory, nesting + 1);
  }

  #addWrapped(words: readonly ShellWord[], wrapper: Wrapper, directory: string | undefined, nesting: number): void {
    const options = readOptions(words, 1, wrapper.options);
    if (options === undefined) return this.note('InnerCommand');
    let { at } = options;
    if (isGiven(options, wrapper.asks)) return;
    if (wrapper.takesVariables === true) {
      for (; at < words.length; at += 1) {
        if (wrapper.isReserved === true && words[at]?.text === '!') continue;
        const name = variableOf(words[at]);
        if (name === undefined) break;
        if (!isOneWord(words[at])) return this.note('InnerCommand');
        this.#assign(name);
      }
    }
    // What only one kind of shell knows begins here for that.
    if (wrapper.isReserved === true && RESERVED.has(words[at]?.text ?? '')) return this.note('ShellText');
    for (let left = wrapper.operands ?? 0; left > 0; left -= 1, at += 1) {
      if (at < words.length && !isOneWord(words[at])) return this.note('InnerCommand');
    }
    const isMoved = wrapper.moves === '*' || isGiven(options, wrapper.moves);
    if (at < words.length) this.#addProgram(words.slice(at), isMoved ? undefined : directory, nesting + 1);
    else if (wrapper.isShell === true && !isGiven(options, wrapper.ends)) this.note('ShellInput');
  }

  #addXargs(words: readonly ShellWord[], directory: string | undefined, nesting: number): void {
    const options = readOptions(words, 1, XARGS_OPTIONS);
    if (options === undefined) return this.note('InnerCommand');
    const { at, given } = options;
    if (at >= words.length) return;
    // Where it is not known what is put in the place of what, any word may be.
    if (['I', 'J', 'R'].some((name) => given.has(name) && given.get(name) === undefined)) this.note('InnerCommand');
    const marks = ['I', 'J', 'R', 'replace'].flatMap((name) => (given.has(name) ? [given.get(name) ?? '{}'] : []));
    const inner = words.slice(at).map((word) => withUnknown(word, marks));
    this.#addProgram([...inner, SOME_WORDS], directory, nesting + 1);
  }

  #addFind(words: readonly ShellWord[], directory: string | undefined, nesting: number): void {
    const { actions, isWhole } = readFind(words);
    if (!isWhole) this.note('InnerCommand');
    for (const { words: inner, isMoved } of actions) {
      const known = inner.map((one) => withUnknown(one, ['{}']));
      this.#addProgram(known, isMoved ? undefined : directory, nesting + 1);
    }
  }

  /** Its words are one text for a shell. */
  #addWatch(words: readonly ShellWord[], nesting: number): void {
    const options = readOptions(words, 1, {
      flags: 'bcdegprtwx',
      valued: 'n',
      long: 'differences no-title exec beep',
      longValued: 'interval',
    });
    if (options === undefined) return this.note('InnerCommand');
    const inner = words.slice(options.at);
    const texts = inner.map(({ text }) => text);
    this.#addCode(texts.includes(undefined) ? undefined : texts.join(' '), undefined, nesting);
  }

  #addFlock(words: readonly ShellWord[], directory: string | undefined, nesting: number): void {
    const options = readOptions(words, 1, {
      flags: 'nsxuoFv',
      valued: 'wE',
      long: 'nonblock shared exclusive',
      longValued: 'timeout',
    });
    if (options === undefined || !isOneWord(words[options.at])) return this.note('InnerCommand');
    const inner = words.slice(options.at + 1);
    if (/^(?:-c|--command)$/.test(inner[0]?.text ?? '')) this.#addCode(inner[1]?.text, directory, nesting);
    else if (inner.length > 0) this.#addProgram(inner, directory, nesting + 1);
  }
}

/** A word of which nothing is known but that it may be any number of words. */
const SOME_WORDS: ShellWord = {
  text: undefined,
  raw: '',
  isBare: false,
  isOne: false,
  isOperand: false,
  path: undefined,
};

/** The word, or one that is not known where something is put in the place of a mark in it. */
function withUnknown(word: ShellWord, marks: readonly string[]): ShellWord {
  const { text } = word;
  if (text === undefined || !marks.some((mark) => mark === '' || text.includes(mark))) return word;
  return { ...word, text: undefined, isOperand: false, isOne: true, path: undefined };
}

/** The name before the first = of a word. */
function variableOf(word: ShellWord | undefined): string | undefined {
  if (word === undefined) return undefined;
  const text = word.text ?? (word.isOperand ? word.raw : undefined);
  const at = text?.indexOf('=') ?? -1;
  return at < 0 ? undefined : text?.slice(0, at);
}

function pathOf(
  path: ShellPath | undefined,
  directory: string | undefined,
): Pick<PathUse, 'path' | 'isTree' | 'isBelow'> {
  if (path === undefined) return { path: undefined };
  const isFixed = path.text.startsWith('/') || path.text === '~' || path.text.startsWith('~/');
  if (!isFixed && directory === undefined) return { path: undefined };
  const whole = resolvePath(directory ?? '/', path.text);
  return path.isTree ? { path: whole, isTree: true, isBelow: true } : { path: whole };
}

/**
 * The directory that each command runs in; undefined where only running would tell. A change of it counts for those behind it in a list joined by `&&`
 * alone, which run only when it succeeded. With any other change, in a text that may run out of order, none is known.
 */
function placesOf({ commands, functions }: ShellReading, start: string | undefined): readonly (string | undefined)[] {
  const changes = commands.filter(mayMove);
  if (changes.length === 0) return commands.map(() => start);
  // What runs later may run anywhere.
  const isDeferred = functions.length > 0 || commands.some(({ words }) => words.some(({ text }) => text === 'trap'));
  if (isDeferred || changes.some(({ chain, words }) => chain === undefined || words[0]?.text !== 'cd')) {
    return commands.map(() => undefined);
  }
  let isMoved = false;
  let chain: number | undefined;
  let place = start;
  return commands.map((command) => {
    const here = !isMoved ? start : command.chain !== undefined && command.chain === chain ? place : undefined;
    if (mayMove(command)) {
      const [, target, more] = command.words;
      const path =
        target === undefined || more !== undefined || target.text?.startsWith('-') === true
          ? undefined
          : pathOf(target.path, here);
      isMoved = true;
      chain = command.chain;
      place = path?.isTree === true ? undefined : path?.path;
    }
    return here;
  });
}

/** Commands that set the variables among their words, and those that may set any. */
const SETS = /^(?:read|getopts|export|readonly|local)$/;
const SETS_ANY = /^(?:eval|trap|command|builtin|-)$/;

/** The variables that hold a number wherever the text uses them. */
function numbersOf({ assigned, notNumbers, commands }: ShellReading): Numbers {
  const numbers = new Set(assigned.filter((name) => !notNumbers.has(name)));
  for (const { words } of commands) {
    const [first, ...rest] = words;
    if (first === undefined) continue;
    if (first.text === undefined || SETS_ANY.test(first.text)) return NO_NUMBERS;
    if (SETS.test(first.text)) for (const { text, raw } of rest) numbers.delete((text ?? raw).split('=', 1)[0] ?? '');
  }
  return numbers;
}

/** What makes a text that is run in the same shell change its directory, or hides whether it does. */
const MOVING = /[$`\\'"]|\b(?:cd|chdir|pushd|popd|eval|source|trap)\b|(?:^|[\s;&|({])\.\s/;

/** Commands that may change the directory of the shell that reads the next one. */
function mayMove({ words }: SimpleCommand): boolean {
  const [first, ...rest] = words;
  if (first === undefined) return false;
  if (first.text === undefined || /^(?:\.|source)$/.test(first.text)) return true;
  if (!/^(?:command|builtin|eval|trap|-)$/.test(first.text)) return MOVES.has(first.text);
  return rest.some(({ text }) => text === undefined || MOVING.test(text));
}
