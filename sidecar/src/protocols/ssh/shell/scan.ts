import { isNumberText } from './arithmetic.ts';
import type { ShellRedirect, ShellWord } from './syntax.ts';
import { isInteger } from './variables.ts';

/** Substitutions, subshells and compound commands in each other. */
const DEPTH_MAX = 40;
/** Simple commands of one text: so many a condition of policy can see. */
const COMMANDS_MAX = 1_000;
/** Words of one text, those of redirects and assignments among them. */
const WORDS_MAX = 5_000;

export interface OpenCommand {
  readonly words: ShellWord[];
  readonly redirects: ShellRedirect[];
  hasInput: boolean;
  chain: number | undefined;
}

/** A here-document whose text has not come yet. */
export interface PendingDocument {
  readonly end: string;
  readonly isQuoted: boolean;
  readonly stripsTabs: boolean;
}

/** What all pieces of one text add to. */
export class Found {
  readonly commands: OpenCommand[] = [];
  readonly assigned: string[] = [];
  readonly notNumbers = new Set<string>();
  readonly functions: string[] = [];
  hasArithmetic = false;
  words = 0;

  /** A variable is set. `value`: to what, as it was written, where that stands there. */
  assign(name: string, value?: string): void {
    this.assigned.push(name);
    if (value !== undefined && isNumberText(value)) return;
    this.notNumbers.add(name);
    if (isInteger(name)) this.hasArithmetic = true;
  }
}

/**
 * The place in a text that is being read. Once it `failed` it stands at the end for good, so that every loop over it ends; what was found until then
 * counts for nothing.
 */
export class Scan {
  readonly text: string;
  readonly found: Found;
  /** Reads a list of commands until a parenthesis closes it or the text ends. */
  readonly readList: (scan: Scan) => void;
  depth: number;
  /** It reads the inside of $( ), where older shells look for the end in ways of their own. */
  substitutions = 0;
  failed = false;
  pending: PendingDocument[] = [];
  #at = 0;

  constructor(text: string, found: Found, depth: number, readList: (scan: Scan) => void) {
    this.text = text;
    this.found = found;
    this.depth = depth;
    this.readList = readList;
  }

  get at(): number {
    return this.#at;
  }

  set at(at: number) {
    if (!this.failed) this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.text.length;
  }

  /** The character that comes next, empty at the end. */
  get next(): string {
    return this.text[this.#at] ?? '';
  }

  sees(text: string): boolean {
    return this.text.startsWith(text, this.#at);
  }

  /** Takes `text` when it comes next. */
  takes(text: string): boolean {
    if (text === '' || !this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.takes(text)) this.fail();
  }

  /** What a sticky expression matches here, without taking it. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.text) ?? undefined;
  }

  fail(): void {
    this.failed = true;
    this.#at = this.text.length;
  }

  /** Reads something that may hold others of its kind. */
  within(read: () => void): void {
    this.depth += 1;
    if (this.depth > DEPTH_MAX) this.fail();
    else read();
    this.depth -= 1;
  }

  /** Reads another text in the place of this one, to its end. */
  inner(text: string, read: (scan: Scan) => void): void {
    const scan = new Scan(text, this.found, this.depth + 1, this.readList);
    scan.substitutions = this.substitutions + 1;
    if (scan.depth > DEPTH_MAX) return this.fail();
    read(scan);
    if (scan.failed || !scan.isAtEnd || scan.pending.length > 0) this.fail();
  }

  countWord(): void {
    this.found.words += 1;
    if (this.found.words > WORDS_MAX) this.fail();
  }

  add(command: OpenCommand): void {
    this.found.commands.push(command);
    if (this.found.commands.length > COMMANDS_MAX) this.fail();
  }
}
