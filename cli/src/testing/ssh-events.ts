import type { SessionEvent } from '@sidegate/session';
import { CHANNEL_BYTES as SSH, sampleFinished, sampleJudged, sampleOpened } from '@sidegate/session/testing';

const START_US = 1_700_000_000_000_000;
type Kind<K> = Extract<SessionEvent, { readonly kind: K }>;

export const SSH_OPENED: SessionEvent = sampleOpened({
  atUs: START_US,
  protocol: 'SSH',
  target: { namespace: 'data', name: 'build', host: 'build', port: 22 },
});

/** Times are milliseconds since the session opened. */
export function sshJudged(
  commandId: number,
  atMs: number,
  text: string,
  change: Partial<Kind<'CommandJudged'>> = {},
): SessionEvent {
  return sampleJudged(commandId, START_US + atMs * 1000, text, { verbs: ['exec'], ...change });
}

export function sshPart(
  kind: 'InputPart' | 'AnswerPart',
  commandId: number,
  atMs: number,
  ...bytes: readonly Uint8Array[]
): SessionEvent {
  return { kind, atUs: START_US + atMs * 1000, commandId, bytes: Buffer.concat(bytes) };
}

export function sshFinished(
  commandId: number,
  atMs: number,
  change: Partial<Kind<'CommandFinished'>> = {},
): SessionEvent {
  return sampleFinished(commandId, START_US + atMs * 1000, { tag: 'exit 0', durationUs: 1000, ...change });
}

/** A shell on a terminal in which `ls` is typed, then a command that is denied. */
export const SSH_SESSION: readonly SessionEvent[] = [
  SSH_OPENED,
  sshJudged(1, 500, 'shell', { verbs: ['shell', 'pty'] }),
  sshPart('InputPart', 1, 501, SSH.terminal('xterm', 100, 30)),
  sshPart('AnswerPart', 1, 600, SSH.success, SSH.data('\u001b]0;title\u0007\u001b[32m$\u001b[0m ')),
  sshPart('InputPart', 1, 5600, SSH.data('ls\r')),
  sshPart('AnswerPart', 1, 5610, SSH.data('ls\r\nmasked@\r\n$ ')),
  sshPart('AnswerPart', 1, 6000, SSH.exit(0), SSH.eof, SSH.close),
  sshFinished(1, 6001),
  sshJudged(2, 7000, 'rm -rf /', { decision: 'Deny', rule: 'data/p/no-rm', reason: 'Files stay.' }),
  sshPart('AnswerPart', 2, 7000, SSH.stderr('sidegate: denied: data/p/no-rm: Files stay.\r\n'), SSH.exit(255)),
  sshFinished(2, 7001, { outcome: 'Refused', tag: '', errorCode: 'data/p/no-rm' }),
  { kind: 'Closed', atUs: START_US + 8_000_000, code: 'AgentLeft', reason: '' },
];
