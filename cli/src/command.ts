/** What a command is given: its flags and words, read and checked against its own description. */
export interface Given {
  /** The words that are no flags, in order. */
  readonly words: readonly string[];
  /** The value of a flag that takes one; undefined when it was not given and has no default. */
  text(option: string): string | undefined;
  /** All values of a flag that may be repeated. */
  texts(option: string): readonly string[];
  /** Whether a flag without a value was given. */
  flag(option: string): boolean;
}

/** One flag of a command. */
export interface CommandOption {
  /** `text` takes a value, `flag` none. */
  readonly type: 'text' | 'flag';
  /** One line for the help text. */
  readonly summary: string;
  /** How the value is called in the help text: `DIR`. */
  readonly value?: string;
  readonly short?: string;
  readonly default?: string;
  readonly repeatable?: boolean;
}

/** Where a command meets the person or program that called it. */
export interface Terminal {
  /** Writes to standard output. Settles when more may be written, and not before, so that a slow reader holds the command back. */
  out(text: string): Promise<void>;
  /** Writes one line for a person to standard error. */
  err(line: string): void;
  /** Waits so long, or until `signal` aborts. */
  pause(milliseconds: number): Promise<void>;
  /** Characters in a line; undefined when no person looks on. */
  readonly columns: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts when the person wants to stop (Ctrl-C) or standard output is closed. */
  readonly signal: AbortSignal;
}

/** One command of `sidegate`, as data: help text and parsing follow from it. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Words that it takes, as the help text shows them: `SESSION`, `[SESSION]`. */
  readonly words?: string;
  /** How many words it takes at least and at most; none when left out. */
  readonly wordCount?: { readonly least: number; readonly most: number };
  readonly options: Readonly<Record<string, CommandOption>>;
  /** More for its help text: what it prints, its exit codes, an example. */
  readonly details?: string;
  /** Resolves to the exit code: 0 well, 1 not, 2 wrongly called. */
  run(given: Given, terminal: Terminal): Promise<number>;
}

/** The flag that every command has. */
export const JSON_OPTION: CommandOption = { type: 'flag', summary: 'One JSON object a line on standard output.' };
