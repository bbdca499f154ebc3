import type { Refusal } from '../../protocol.ts';

/** What the gate does not carry over SFTP. */
export function unsupported(reason: string, hint = ''): Refusal {
  return { kind: 'Unsupported', rule: 'sftp', reason, hint };
}
