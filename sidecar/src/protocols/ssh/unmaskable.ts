import type { ProgramUse } from '@sidegate/policy';
import type { Refusal } from '../protocol.ts';
import type { Request } from './classify.ts';
import { programName } from './shell/program-name.ts';

/** Programs of git that the other side's git speaks with, also as `git NAME`. */
const GIT = /^git-(?:upload-pack|receive-pack|upload-archive)$/;

/** What a channel is asked to run. */
interface Run {
  readonly request: Request;
  readonly hasTerminal: boolean;
  readonly commands: readonly ProgramUse[];
}

/** Why masks cannot be put on what a channel sends; undefined: they can. SFTP is asked operation by operation. */
export function unmaskable({ request, hasTerminal, commands }: Run): Refusal | undefined {
  if (request.kind === 'Forward') return refused('what a forward carries.');
  if (request.kind === 'Subsystem') return request.name === 'sftp' ? undefined : refused('what a subsystem sends.');
  if (hasTerminal || request.kind === 'Shell') return refused('what a terminal shows.');
  const use = commands.find(answersBytes);
  if (use === undefined) return undefined;
  const hint = 'Use sftp, or scp without -O.';
  return refused(`what ${programName(use.name ?? '')} says to its other side: it is no text.`, hint);
}

function refused(what: string, hint = ''): Refusal {
  return { kind: 'Unsupported', rule: 'ssh', reason: `Masks are in force, which cannot reach ${what}`, hint };
}

/** It speaks a protocol of its own, in which each side waits for bytes of the other that end no line. */
function answersBytes({ name: word = '', args }: ProgramUse): boolean {
  const name = programName(word);
  if (name === 'scp') return args.some((one) => one !== undefined && /^-[a-z]*[tf]/.test(one));
  if (name === 'sftp-server') return true;
  if (name === 'rsync') return args.includes('--server');
  return GIT.test(name === 'git' ? `git-${args[0] ?? ''}` : name);
}
