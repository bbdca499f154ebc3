import { assertNever } from '@sidegate/crds';
import type { Incompleteness, ProgramUse, SshCommand } from '@sidegate/policy';
import type { Destination } from './destination.ts';
import { readExecUses } from './shell/exec-uses.ts';

/** What an agent asks a channel to run. */
export type Request =
  | { readonly kind: 'Exec'; readonly text: string; readonly isText: boolean }
  | { readonly kind: 'Shell' }
  | { readonly kind: 'Subsystem'; readonly name: string }
  | ({ readonly kind: 'Forward' } & Destination);

/** The kind of channel by which an agent is led on to another place (RFC 4254, section 7.2), as rules name it. */
export const FORWARD = 'direct-tcpip';

/** Reads what is asked for as policy judges it. */
export function classify(request: Request): SshCommand {
  switch (request.kind) {
    case 'Shell':
      return command('shell', [], []);
    case 'Subsystem': {
      // What happens in it is judged by itself.
      if (request.name === 'sftp') return command('sftp', [], []);
      // Which files it reads and writes only running it would tell.
      const use: ProgramUse = { name: request.name, args: [undefined] };
      const detail = `The subsystem ${request.name.slice(0, 64)} is not understood.`;
      return command('exec', [use], [{ kind: 'Subsystem', detail }]);
    }
    case 'Forward':
      // What it carries is no part of it: a rule that names the channel says that nobody needs to read that.
      return command('forward', [{ name: FORWARD, args: [request.host, String(request.port)] }], []);
    case 'Exec':
      return readExec(request.text, request.isText);
    default:
      return assertNever(request);
  }
}

/** What is no text no shell of ours reads. */
const NO_TEXT: Incompleteness = { kind: 'ShellText', detail: 'It is not UTF-8.' };

function readExec(text: string, isText: boolean): SshCommand {
  if (!isText) return command('exec', [{ name: undefined, args: [undefined] }], [NO_TEXT]);
  const { commands, paths, incomplete } = readExecUses(text);
  return { ...command('exec', commands, incomplete), paths };
}

function command(
  channel: SshCommand['channel'],
  commands: readonly ProgramUse[],
  incomplete: readonly Incompleteness[],
): SshCommand {
  return { protocol: 'SSH', channel, commands, paths: [], complete: incomplete.length === 0, incomplete };
}
