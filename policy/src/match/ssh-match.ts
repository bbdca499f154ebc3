import type { RuleMatch } from '@sidegate/crds';
import type { Command, PathUse, ProgramUse, SshCommand } from '../command.ts';
import { type FaultList, fieldOf, type ResourcePlace } from '../policy-fault.ts';
import { resolvePath } from '../resolve-path.ts';
import { shownWords } from './command-part.ts';
import { compilePath, type PathTest } from './path-pattern.ts';
import { compileProgram, type ProgramTest } from './program-pattern.ts';
import type { Leaning } from './qualified-name.ts';

type SshMatch = NonNullable<RuleMatch['ssh']>;

/** What a rule says to one command of SSH: that it matches, and which programs and paths it covers; or why not. */
export type SshOutcome =
  | { readonly matched: true; readonly commands: readonly boolean[]; readonly paths: readonly boolean[] }
  | { readonly matched: false; readonly why: () => string };

interface PathRule {
  readonly test: PathTest;
  readonly access: 'Read' | 'Write' | 'Any';
}

const CHANNELS: ReadonlySet<string> = new Set(['exec', 'shell', 'sftp', 'forward']);

/**
 * Compiles `match.ssh`. A command matches when its channel is one of `channels`, it runs one of `commands` and uses one of `paths`, each only
 * where the rule names any. What a match covers, when permission is asked:
 *
 * - a rule that names neither covers all of the command;
 * - one that names commands covers those, and the paths that they name, but no file that a redirect writes;
 * - one that names paths covers those, and of the programs (those that it names, if it names any) the ones whose paths are all known.
 *
 * SFTP is started by a command of no program and no path: a rule that permits anything over SFTP permits that, if it names the channel or names no commands.
 * A forward leads to another place than the Target, so only a rule that names its channel permits one.
 *
 * A denial by path also holds when an argument of a program whose paths are not known has the path in it, or may mean it in the directory where
 * the program runs.
 */
export function compileSshMatch(
  match: SshMatch,
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): (command: SshCommand) => SshOutcome {
  const channels = compileChannels(match.channels, place, faults);
  const programs = compilePrograms(match.commands, leaning, place, faults);
  const paths = compilePaths(match.paths, leaning, place, faults);
  return (command) => {
    if (channels !== undefined && !channels.includes(command.channel)) {
      return { matched: false, why: () => `channel ${command.channel} is none of ${channels.join(', ')}` };
    }
    if (leaning === 'Permit' && channels === undefined && isForward(command)) return NO_FORWARD;
    if (leaning === 'Permit' && isStartOfSftp(command)) {
      // Whoever may do anything over SFTP may begin; what is done then is judged by itself.
      return channels === undefined && programs !== undefined ? noStart() : { matched: true, commands: [], paths: [] };
    }
    const runs = command.commands.map((use) => programs?.some((test) => test(use)) ?? true);
    if (programs !== undefined && !runs.includes(true)) {
      return { matched: false, why: () => `${listOf(command.commands)} is none of the rule's commands` };
    }
    const uses = command.paths.map((use) => paths?.some((rule) => meets(rule, use, command.home)) ?? true);
    if (leaning === 'Restrict') {
      const hit = paths === undefined || uses.includes(true) || anyOpaque(command, paths);
      return hit ? { matched: true, commands: runs, paths: uses } : noPath();
    }
    const covered = runs.map((run, at) => run && (paths === undefined || command.commands[at]?.pathsKnown === true));
    if (paths !== undefined && !uses.includes(true)) return noPath();
    if (programs === undefined || paths !== undefined) return { matched: true, commands: covered, paths: uses };
    const named = command.paths.map(({ by }) => by !== undefined && covered[by] === true);
    return { matched: true, commands: covered, paths: named };
  };
}

export function isForward(command: Command): boolean {
  return command.protocol === 'SSH' && command.channel === 'forward';
}

/** What a rule says to a forward that it could only permit by naming the channel. */
export const NO_FORWARD: Extract<SshOutcome, { readonly matched: false }> = {
  matched: false,
  why: () => 'it does not name the channel forward',
};

function isStartOfSftp({ channel, commands, paths }: SshCommand): boolean {
  return channel === 'sftp' && commands.length === 0 && paths.length === 0;
}

function noStart(): SshOutcome {
  return { matched: false, why: () => 'it names commands, and does not name the channel sftp' };
}

function noPath(): SshOutcome {
  return { matched: false, why: () => "it uses none of the rule's paths" };
}

function meets({ test, access }: PathRule, use: PathUse, home: string | undefined): boolean {
  return (access === 'Any' || access === use.access) && test(use, home);
}

/** True when a program whose files nobody knows has an argument that may name one of the rule's paths. */
function anyOpaque({ commands, home }: SshCommand, rules: readonly PathRule[]): boolean {
  return commands.some(
    ({ pathsKnown, args, directory }) =>
      pathsKnown !== true &&
      args.some((arg) =>
        [...pathsIn(arg), ...pathsFrom(directory, arg)].some((use) => rules.some(({ test }) => test(use, home))),
      ),
  );
}

/** The paths that a word, or a part of it, means in the directory where the program runs. */
function pathsFrom(directory: ProgramUse['directory'], arg: string | undefined): readonly GuessedPath[] {
  if (arg === undefined) return [];
  const parts = [arg, ...arg.split(/[=:@,;&|<>()\s'"]+/), ...(/^-[^-]/.test(arg) ? [arg.slice(2)] : [])];
  if (parts.length > PATHS_IN_WORD_MAX) return [{ path: undefined, access: 'Read' }];
  const { path } = directory ?? { path: '~' };
  return parts
    .filter((part) => !/^(?:[-/~]|$)/.test(part))
    .map((part) => ({
      path: path === undefined ? undefined : resolvePath(path, part),
      access: 'Read',
      isTree: true,
      // Every word of every program stands where sessions start.
      ...(directory === undefined ? { isGuess: true } : {}),
    }));
}

type GuessedPath = Parameters<PathTest>[0];

/** Every path that may stand in a word, from each of its slashes on: `--file=/etc/x`, `-f/etc/x` and `host:/etc/x` have `/etc/x`. */
function pathsIn(arg: string | undefined): readonly PathUse[] {
  if (arg === undefined) return [{ path: undefined, access: 'Read' }];
  const found: PathUse[] = [];
  for (const { index } of arg.matchAll(/~?(?<!\/)\//g)) {
    // The slash at the end of `build/` is no root.
    if (index > 0 && index === arg.length - 1 && /[\w.*?\]}-]/.test(arg[index - 1] ?? '')) continue;
    found.push({ path: resolvePath('/', arg.slice(index)), access: 'Read', isTree: true });
    if (found.length > PATHS_IN_WORD_MAX) return [{ path: undefined, access: 'Read' }];
  }
  return found;
}

/** A word with more paths than this is taken to name any. */
const PATHS_IN_WORD_MAX = 64;

function listOf(commands: readonly ProgramUse[]): string {
  if (commands.length === 0) return 'no command';
  return commands
    .slice(0, 3)
    .map(({ name, args }) => shownWords([name, ...args]))
    .join('; ');
}

function compileChannels(
  channels: SshMatch['channels'],
  place: ResourcePlace,
  faults: FaultList,
): readonly string[] | undefined {
  if (channels === undefined || channels.length === 0) return undefined;
  for (const [index, channel] of channels.entries()) {
    if (CHANNELS.has(channel)) continue;
    faults.add(
      fieldOf(place, `${place.field}.ssh.channels[${index}]`),
      'UnknownChannel',
      `SSH has no channel ${JSON.stringify(channel)}.`,
      'Write exec, shell, sftp or forward.',
    );
  }
  return channels;
}

function compilePrograms(
  patterns: SshMatch['commands'],
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): readonly ProgramTest[] | undefined {
  if (patterns === undefined || patterns.length === 0) return undefined;
  return patterns.flatMap((pattern, index) => {
    const test = compileProgram(pattern, leaning);
    if (test !== undefined) return [test];
    faults.add(
      fieldOf(place, `${place.field}.ssh.commands[${index}]`),
      'InvalidPattern',
      `${JSON.stringify(pattern)} does not name a command.`,
      'Write the program, and the words that follow it where they count, as in systemctl restart *.',
    );
    return [];
  });
}

function compilePaths(
  paths: SshMatch['paths'],
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): readonly PathRule[] | undefined {
  if (paths === undefined || paths.length === 0) return undefined;
  return paths.flatMap(({ path, access = 'Any' }, index) => {
    const test = compilePath(path, leaning);
    if (test !== undefined) return [{ test, access }];
    faults.add(
      fieldOf(place, `${place.field}.ssh.paths[${index}].path`),
      'InvalidPattern',
      `${JSON.stringify(path)} does not name a path.`,
      'Write it from the root or from ~/, without . and .. in it; * stands for any text, as in /var/log/*.',
    );
    return [];
  });
}
