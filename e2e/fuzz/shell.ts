import type { PathUse, ProgramUse } from '@sidegate/policy';
import * as fc from 'fast-check';
import { type ExecUses, readExecUses } from '../../sidecar/src/protocols/ssh/shell/exec-uses.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { CAN_RUN_ANYTHING, INSTALLED, runShell, type ShellRun } from './shell-run.ts';
import { damagedTexts, shellTexts } from './shell-texts.ts';
import { difference, openShellParser, type ShellParser } from './shell-tree.ts';

const SHELLS_MISSING = 'ssh-shell compares nothing: neither bash nor dash is installed\n';

/** Opened before the first case. */
let parser: ShellParser | undefined;

/** The fuzzers of how exec commands are read. */
export const SHELL_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'ssh-shell',
    promise:
      'What bash and dash run of a text, and the files that they make, is among what was read of it, word for word.',
    cases: fc.array(CAN_RUN_ANYTHING ? fc.oneof(shellTexts, damagedTexts) : shellTexts, {
      minLength: 1,
      maxLength: 40,
    }),
    check(texts) {
      const fitting = texts.filter((text) => !text.includes('\0'));
      const uses = fitting.map((text) => readExecUses(text));
      for (const shell of INSTALLED) {
        for (const [index, run] of runShell(shell, fitting).entries()) {
          const complaint = run === undefined ? undefined : missing(uses[index], run);
          if (complaint !== undefined) return `${shell} ${complaint} in ${JSON.stringify(fitting[index])}`;
        }
      }
      return undefined;
    },
    prepare: async () => {
      if (INSTALLED.length === 0) process.stderr.write(SHELLS_MISSING);
    },
  }),
  defineFuzzer({
    name: 'ssh-shell-tree',
    promise: 'Where both read a text, mvdan.cc/sh reads the same commands, words, redirects and assignments in it.',
    cases: fc.array(fc.oneof(shellTexts, damagedTexts), { minLength: 1, maxLength: 200 }),
    check(texts) {
      const fitting = texts.filter((text) => text !== '' && !text.includes('\0'));
      for (const [index, theirs] of (parser?.(fitting) ?? []).entries()) {
        const text = fitting[index] ?? '';
        const complaint = difference(text, theirs);
        if (complaint !== undefined) return `${JSON.stringify(text)} ${complaint}`;
      }
      return undefined;
    },
    prepare: async () => {
      const opened = await openShellParser();
      if (typeof opened === 'string') process.stderr.write(`ssh-shell-tree compares nothing: ${opened}\n`);
      else parser = opened;
    },
  }),
];

/** What a shell did that is not among the uses. */
function missing(uses: ExecUses | undefined, { calls, files }: ShellRun): string | undefined {
  if (uses === undefined) return 'was not compared';
  const call = calls.find((words) => !uses.commands.some((use) => covers(use, words)));
  if (call !== undefined) return `ran ${JSON.stringify(call)}, not among ${JSON.stringify(uses.commands)}`;
  const isUnread = uses.commands.some(({ name }) => name === undefined);
  const file = isUnread ? undefined : files.find((name) => !uses.paths.some((use) => writes(use, name)));
  return file === undefined ? undefined : `made ${JSON.stringify(file)}, not among ${JSON.stringify(uses.paths)}`;
}

/** What stands where the program's name is expected may be no word at all, and what follows the program. */
function covers({ name, args }: ProgramUse, words: readonly string[]): boolean {
  return fits([name, ...args], words);
}

/** True when the words are those that are known, with any number of others for each that is not. */
function fits(args: readonly (string | undefined)[], words: readonly string[]): boolean {
  const [first, ...rest] = args;
  if (args.length === 0) return words.length === 0;
  if (first !== undefined) return words[0] === first && fits(rest, words.slice(1));
  return words.length === 0 ? fits(rest, words) : fits(rest, words) || fits(args, words.slice(1));
}

function writes({ path, access, isTree }: PathUse, name: string): boolean {
  return access === 'Write' && (path === undefined || path === `~/${name}` || (path === '~' && isTree === true));
}
