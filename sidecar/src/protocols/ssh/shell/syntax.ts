/** One word of a command as it was written. */
export interface ShellWord {
  /** What the program gets; undefined when only running would tell. */
  readonly text: string | undefined;
  /** With its quotes. */
  readonly raw: string;
  /** Nothing in it is quoted or expanded. */
  readonly isBare: boolean;
  /** It becomes exactly one word, whatever it expands to. */
  readonly isOne: boolean;
  /** All that it may become begins with a character that is known, and this is no hyphen. */
  readonly isOperand: boolean;
  /** The path that it means, where it means one. */
  readonly path: ShellPath | undefined;
}

export interface ShellPath {
  /** Relative to the working directory, absolute, or from the home by `~`. */
  readonly text: string;
  /** It is matched by the shell: any path below may be meant. */
  readonly isTree: boolean;
}

/** One file that a program uses. */
export interface FileUse {
  /** Undefined when only running would tell. */
  readonly path: ShellPath | undefined;
  readonly access: 'Read' | 'Write';
  readonly isTree: boolean;
}

export interface ShellRedirect {
  readonly access: 'Read' | 'Write';
  readonly target: ShellWord;
}

/** What a shell runs at once: assignments, a program with its words, redirects. Any of them may be missing. */
export interface SimpleCommand {
  readonly words: readonly ShellWord[];
  readonly redirects: readonly ShellRedirect[];
  /**
   * The list of commands joined by `&&` alone that it stands in, by number, at the outermost level: it runs only once all before it in the list
   * have succeeded, and in the same shell. Undefined for a command of any other place.
   */
  readonly chain: number | undefined;
}

/** A text as a shell reads it: everything that it may run, in the order in which it is written. */
export interface ShellReading {
  readonly commands: readonly SimpleCommand[];
  /** Names of variables that are set, with an assignment, a loop or an expansion. */
  readonly assigned: readonly string[];
  /** Those that are set to anything that may be no number. */
  readonly notNumbers: ReadonlySet<string>;
  /** Names of functions that are defined. */
  readonly functions: readonly string[];
  /** Arithmetic that a variable has part in. */
  readonly hasArithmetic: boolean;
}
