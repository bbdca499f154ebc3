import type { Fault } from '@sidegate/crds';
import type { SshCommand } from '@sidegate/policy';
import { classify } from './protocols/ssh/classify.ts';

export type SshAnswer =
  | { readonly kind: 'Reading'; readonly command: SshCommand; readonly assumed: readonly string[] }
  | ({ readonly kind: 'Fault' } & Fault);

/** How the gate would read the text of an exec; servers have no catalog that it is read by. */
export function answerSsh(text: string | undefined): SshAnswer {
  if (text === undefined) {
    return { kind: 'Fault', code: 'UnsupportedProtocol', message: 'Logins over SSH are not tried beforehand.' };
  }
  return { kind: 'Reading', command: classify({ kind: 'Exec', text, isText: true }), assumed: [] };
}
