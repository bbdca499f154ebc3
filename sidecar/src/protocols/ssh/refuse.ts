import { assertNever } from '@sidegate/crds';
import type { CloseCode, Refusal } from '../protocol.ts';
import { writeFrame } from './codec.ts';
import { DISCONNECT, MESSAGE } from './messages.ts';

/** What ssh itself ends with when something went wrong. */
export const REFUSED_STATUS = 255;

/** The word by which programs tell refusals apart, on the line that a refused command gets. */
export function codeOf(kind: Refusal['kind']): string {
  switch (kind) {
    case 'Denied':
    case 'Incomplete':
    case 'LimitExceeded':
    case 'NotAdmitted':
    case 'Unsupported':
    case 'Unauthenticated':
      return 'denied';
    case 'ApprovalRefused':
      return 'not approved';
    case 'NotRecorded':
      return 'not recorded';
    case 'TargetUnavailable':
      return 'target unavailable';
    case 'Terminated':
      return 'ended';
    default:
      return assertNever(kind);
  }
}

/** One line: code, rule, reason, and what to do about it. */
export function refusalText({ kind, rule, reason, hint }: Refusal): string {
  const said = rule === '' ? reason : `${rule}: ${reason}`;
  return `sidegate: ${codeOf(kind)}: ${said}${hint === '' ? '' : ` ${hint}`}`.trimEnd();
}

/** The end of a channel whose command is refused. */
export function writeRefusedEnd(recipient: number): readonly Uint8Array[] {
  const channel = { uint32: recipient };
  return [
    writeFrame(MESSAGE.channelRequest, channel, 'exit-status', false, { uint32: REFUSED_STATUS }),
    writeFrame(MESSAGE.channelEof, channel),
    writeFrame(MESSAGE.channelClose, channel),
  ];
}

/** The end of a connection, with its reason in words. */
export function writeFarewell(refusal: Refusal, code: CloseCode): Uint8Array {
  return writeFrame(MESSAGE.disconnect, { uint32: reasonOf(refusal, code) }, refusalText(refusal), '');
}

/** What a client shows before it has logged in. */
export function writeBanner(refusal: Refusal): Uint8Array {
  return writeFrame(MESSAGE.userauthBanner, `${refusalText(refusal)}\r\n`, '');
}

function reasonOf({ kind, rule }: Refusal, code: CloseCode): number {
  if (kind === 'Unauthenticated' || kind === 'NotAdmitted') return DISCONNECT.noMoreAuthMethods;
  if (kind === 'TargetUnavailable') return DISCONNECT.serviceNotAvailable;
  return code === 'Fault' && rule === 'protocol' ? DISCONNECT.protocolError : DISCONNECT.byApplication;
}
