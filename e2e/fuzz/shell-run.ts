import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../support/programs.ts';
import { PROGRAMS } from './shell-texts.ts';

/** What a shell did with one text. */
export interface ShellRun {
  /** Programs of the texts that ran, with their words. */
  readonly calls: readonly (readonly string[])[];
  /** Names of the files that it made. */
  readonly files: readonly string[];
}

const SHELLS = ['bash', 'dash'] as const;
export type ShellName = (typeof SHELLS)[number];

/** The shells that are installed. */
export const INSTALLED: readonly ShellName[] = SHELLS.filter((name) => findProgram(name) !== undefined);

/** A user who may do nothing; only root can become one. */
const NOBODY = 65_534;
/** Where it can be somebody without rights, texts that may do anything are run too. */
export const CAN_RUN_ANYTHING = process.getuid?.() === 0;

/**
 * Runs each text in a subshell of its own and folder of its own, with nothing on the search path. The programs of the texts are functions that write down how
 * they are called; `s` writes words that others take for a command. Too many calls end a subshell, too much time all of them.
 */
const DRIVER = `
T() { printf '%s\\0' "$#" "$@" >> "$LOG"; C=$((C + 1)); [ "$C" -lt 50 ] || exit 9; }
${PROGRAMS.map((name) => `${name}() { T ${name} "$@"; ${name === 's' ? 'printf "q a\\n"; ' : ''}return ${name === 'r' ? 1 : 0}; }`).join('\n')}
command_not_found_handle() { T "$@"; return 127; }
D=$1; shift; N=0; x='p z'; y=; C=0
ulimit -t 5 -f 100 ${CAN_RUN_ANYTHING ? '; ulimit -u 64 2>/dev/null || ulimit -p 64' : ''}
PATH=$D/none
for A do
  N=$((N + 1))
  ( LOG=$D/$N.log; cd "$D/$N"; TEXT=$A; set --; eval "$TEXT"; wait ) </dev/null >/dev/null 2>&1
done
`;
const TIMEOUT_MS = 20_000;

/** What a shell does with texts; undefined for one where it did not come so far in time. */
export function runShell(shell: ShellName, texts: readonly string[]): readonly (ShellRun | undefined)[] {
  const folder = mkdtempSync(join(tmpdir(), 'sg-shell-'));
  try {
    for (const index of texts.keys()) {
      mkdirSync(join(folder, String(index + 1)));
      chmodSync(join(folder, String(index + 1)), 0o777);
    }
    chmodSync(folder, 0o777);
    spawnSync(findProgram(shell) ?? shell, ['-c', DRIVER, 'driver', folder, ...texts], {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      cwd: folder,
      // Without a home ~ would be a name.
      env: { LC_ALL: 'C.UTF-8', HOME: join(folder, 'none') },
      ...(CAN_RUN_ANYTHING ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    return texts.map((_, index) => readRun(folder, index + 1));
  } finally {
    // What a text left in the background may still write for a moment.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

function readRun(folder: string, number: number): ShellRun {
  const log = join(folder, `${number}.log`);
  const fields = existsSync(log) ? readFileSync(log, 'utf8').split('\0').slice(0, -1) : [];
  const calls: string[][] = [];
  for (let at = 0; at < fields.length; ) {
    const count = Number(fields[at]);
    calls.push(fields.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return { calls, files: readdirSync(join(folder, String(number))) };
}
