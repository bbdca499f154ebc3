import type { Fault } from '@sidegate/crds';
import type { SshCommand } from '@sidegate/policy';
import { classify, type Request } from './protocols/ssh/classify.ts';
import { parseDestination } from './protocols/ssh/destination.ts';

export type SshAnswer =
  | { readonly kind: 'Reading'; readonly command: SshCommand; readonly assumed: readonly string[] }
  | ({ readonly kind: 'Fault' } & Fault);

/** How the gate would read the text of an exec, or where a forward leads; servers have no catalog that either is read by. */
export function answerSsh(text: string | undefined, isForward = false): SshAnswer {
  if (text === undefined) {
    return { kind: 'Fault', code: 'UnsupportedProtocol', message: 'Logins over SSH are not tried beforehand.' };
  }
  return isForward ? answerForward(text) : reading({ kind: 'Exec', text, isText: true });
}

function answerForward(text: string): SshAnswer {
  const destination = parseDestination(text);
  if (destination !== undefined) return reading({ kind: 'Forward', ...destination });
  const message = `${JSON.stringify(text)} names no host and port: a forward to it is refused unasked.`;
  return { kind: 'Fault', code: 'BadCommand', message, mend: 'Write it as db.internal:5432 or [2001:db8::1]:443.' };
}

function reading(request: Request): SshAnswer {
  return { kind: 'Reading', command: classify(request), assumed: [] };
}
