import { isOneWord, readOptions } from './options.ts';
import type { FileUse, ShellWord } from './syntax.ts';

/** Options of rsync's server that name no file and run nothing, without a value or with one behind `=`. */
const RSYNC_LONG = new Set(
  `append append-verify bwlimit checksum-choice compress-choice compress-level delete delete-after delete-before delete-delay delete-during
  delete-excluded delay-updates existing force from0 fuzzy ignore-errors ignore-existing ignore-missing-args ignore-times inplace info log-format
  max-delete max-size min-size modify-window new-compress no-implied-dirs no-inc-recursive no-i-r no-r numeric-ids old-compress one-file-system open-noatime
  partial preallocate safe-links size-only stats timeout checksum-seed`.split(/\s+/),
);
/** The letters before `e.`, which says what the other side can do: without `s`, which keeps the paths for later. */
const RSYNC_LETTERS = /^-[vlogDtprnRuHAXaqczyxOJSWdKkLhbimEUN]*(?:e[.\w]*)?$/;

/** The files that the server's side of a transfer uses (`scp -t PATH`, `rsync --server ... . PATH`), or undefined when its words do not tell them all. */
export function transferredFiles(name: string, words: readonly ShellWord[]): readonly FileUse[] | undefined {
  if (name === 'scp') return scpFiles(words);
  return name === 'rsync' && words[1]?.text === '--server' ? rsyncFiles(words) : undefined;
}

/** `-t`: it takes files; `-f`: it gives them. What it is given may be a directory, and then the file is one in it. */
function scpFiles(words: readonly ShellWord[]): readonly FileUse[] | undefined {
  const options = readOptions(words, 1, { flags: 'tfrpdvq' });
  if (options === undefined) return undefined;
  const isSink = options.given.has('t');
  if (isSink === options.given.has('f')) return undefined;
  const access = isSink ? 'Write' : 'Read';
  return operands(words.slice(options.at))?.map(({ path }) => ({
    path,
    access,
    isTree: isSink || options.given.has('r'),
  }));
}

/** What is written is read as well: the other side is told sums of every piece of it, and says how large a piece is. */
function rsyncFiles(words: readonly ShellWord[]): readonly FileUse[] | undefined {
  const isSender = words[2]?.text === '--sender';
  let at = isSender ? 3 : 2;
  for (; at < words.length && words[at]?.text !== '.'; at += 1) {
    const text = words[at]?.text;
    if (text === undefined) return undefined;
    const [, long] = /^--([a-z0-9-]+)(?:=.*)?$/.exec(text) ?? [];
    if (long === undefined ? !RSYNC_LETTERS.test(text) : !RSYNC_LONG.has(long)) return undefined;
  }
  // Behind the dot stand the paths; without any they come later.
  const files = operands(words.slice(at + 1));
  if (files === undefined || files.length === 0) return undefined;
  const accesses = isSender ? (['Read'] as const) : (['Read', 'Write'] as const);
  return files.flatMap(({ path }) => accesses.map((access): FileUse => ({ path, access, isTree: true })));
}

/** Undefined when any of them may be an option. */
function operands(words: readonly ShellWord[]): readonly ShellWord[] | undefined {
  const isPlain = words.every(({ text, isOperand }) => (text === undefined ? isOperand : !text.startsWith('-')));
  return isPlain && words.every((word) => isOneWord(word) || word.isOperand) ? words : undefined;
}
