import { assertNever } from '@sidegate/crds';
import type { Incompleteness, ProgramUse, SshCommand } from '@sidegate/policy';

/** What an agent asks a channel to run. */
export type Request =
  | { readonly kind: 'Exec'; readonly text: string; readonly isText: boolean }
  | { readonly kind: 'Shell' }
  | { readonly kind: 'Subsystem'; readonly name: string };

const WORD = /^(?:[A-Za-z0-9_@%+=:,./-]|'[^'\n]*')+$/;
/** What begins otherwise is an assignment, and what is one of these is the shell's own. */
const KEYWORDS = new Set(
  `if then else elif fi for while until do done case esac in function select time coproc eval exec source . builtin command
  export declare typeset local readonly alias unalias trap set unset enable hash shopt`.split(/\s+/),
);

/** Reads what is asked for as policy judges it. */
export function classify(request: Request): SshCommand {
  switch (request.kind) {
    case 'Shell':
      return command('shell', [], []);
    case 'Subsystem': {
      // Which files it reads and writes only running it would tell.
      const use: ProgramUse = { name: request.name, args: [undefined] };
      const detail = `The subsystem ${request.name.slice(0, 64)} is not understood.`;
      return command(request.name === 'sftp' ? 'sftp' : 'exec', [use], [{ kind: 'Subsystem', detail }]);
    }
    case 'Exec':
      return readExec(request.text, request.isText);
    default:
      return assertNever(request);
  }
}

/** One program with plain words is understood; anything that a shell would make more of is not. */
function readExec(text: string, isText: boolean): SshCommand {
  const words = text.trim().split(/[ \t]+/);
  const quoted = /'[^']*[ \t][^']*'/.test(text);
  const [name = ''] = words;
  const isPlain = isText && !quoted && words.every((word) => WORD.test(word));
  if (!isPlain || name === '' || name.includes('=') || KEYWORDS.has(unquoted(name))) {
    const detail = 'The shell would make more of it than one program with plain words.';
    return command('exec', [{ name: undefined, args: [undefined] }], [{ kind: 'ShellText', detail }]);
  }
  const [program = '', ...args] = words.map(unquoted);
  return command('exec', [{ name: program, args }], []);
}

function unquoted(word: string): string {
  return word.replaceAll("'", '');
}

function command(
  channel: SshCommand['channel'],
  commands: readonly ProgramUse[],
  incomplete: readonly Incompleteness[],
): SshCommand {
  return { protocol: 'SSH', channel, commands, paths: [], complete: incomplete.length === 0, incomplete };
}
